/**
 * Attention of one new token in one layer, with a memory. Turn query and key by their position, remember key and value
 * in `cache` (an object that is empty before the first token and yours to fill), and attend over everything remembered
 * of this layer.
 *
 * @param pos   position of the token; tokens come one after the other, each through layers 0, 1, …
 * @param qkv   query, key and value of the token, not turned yet
 * @param given rope(row, pos) turns a row; attend(q, keys, values) mixes the values, oldest first
 * @returns     what attend gives; the same bits as if the whole text were there at once
 */
export function step(
  cache: Record<string, unknown>,
  layer: number,
  pos: number,
  qkv: [q: number[], k: number[], v: number[]],
  given: {
    rope: (row: number[], pos: number) => number[];
    attend: (q: number[], keys: number[][], values: number[][]) => number[];
  },
): number[] {
  const kept = Object.keys(cache).length;
  throw new Error(
    `todo: layer ${layer}, position ${pos}, ${kept} kept, ${qkv.length} rows, ${Object.keys(given)}`,
  );
}
