export function bpe(text: string, merges: [left: number, right: number][], pattern: RegExp): number[] {
  const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  return (text.match(pattern) ?? []).flatMap((piece) => {
    const ids = [...new TextEncoder().encode(piece)];
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      let at = -1;
      for (let i = 0; i + 1 < ids.length; i++) {
        const rank = ranks.get(`${ids[i]} ${ids[i + 1]}`);
        if (rank !== undefined && rank < best) [best, at] = [rank, i];
      }
      if (at < 0) return ids;
      ids.splice(at, 2, 256 + best);
    }
  });
}
