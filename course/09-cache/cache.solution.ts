interface Layer {
  keys: number[][];
  values: number[][];
}

export function step(
  cache: Record<string, unknown>,
  layer: number,
  pos: number,
  [q, k, v]: [q: number[], k: number[], v: number[]],
  given: {
    rope: (row: number[], pos: number) => number[];
    attend: (q: number[], keys: number[][], values: number[][]) => number[];
  },
): number[] {
  const kept = (cache[`layer ${layer}`] ??= { keys: [], values: [] }) as Layer;
  kept.keys.push(given.rope(k, pos));
  kept.values.push(v);
  return given.attend(given.rope(q, pos), kept.keys, kept.values);
}
