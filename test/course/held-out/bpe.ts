import type { Learner } from './learner.ts';

type Merges = [number, number][];

const bytesOf = (piece: string) => [...new TextEncoder().encode(piece)];

/** One piece, by rank, leftmost first. */
function mergePiece(ids: number[], merges: Merges): number[] {
  const rank = new Map(merges.map(([a, b], r) => [`${a},${b}`, r]));
  for (;;) {
    let best = Infinity;
    let where = -1;
    for (let i = 0; i + 1 < ids.length; i++) {
      const r = rank.get(`${ids[i]},${ids[i + 1]}`) ?? Infinity;
      if (r < best) [best, where] = [r, i];
    }
    if (where < 0) return ids;
    ids.splice(where, 2, 256 + best);
  }
}

export const right: Learner[] = [
  {
    what: 'a map of ranks, splice',
    solution: (text: string, merges: Merges, pattern: RegExp) => {
      const out: number[] = [];
      for (const piece of text.match(pattern) ?? []) out.push(...mergePiece(bytesOf(piece), merges));
      return out;
    },
  },
  {
    what: 'replays the list of merges once, each everywhere',
    solution: (text: string, merges: Merges, pattern: RegExp) =>
      [...text.matchAll(pattern)].flatMap(([piece]) =>
        merges.reduce((ids, [a, b], r) => {
          const next: number[] = [];
          for (let i = 0; i < ids.length; i++) {
            if (ids[i] === a && ids[i + 1] === b) {
              next.push(256 + r);
              i++;
            } else next.push(ids[i]);
          }
          return next;
        }, bytesOf(piece)),
      ),
  },
];

export const wrong: Learner[] = [
  {
    what: 'code units in place of UTF-8 bytes',
    name: 'code-units',
    missedAtFirst: true,
    solution: (text: string, merges: Merges, pattern: RegExp) =>
      (text.match(pattern) ?? []).flatMap((piece) =>
        mergePiece(
          piece.split('').map((c) => c.charCodeAt(0)),
          merges,
        ),
      ),
  },
  {
    what: 'the text is not cut into pieces',
    name: 'no-cut',
    solution: (text: string, merges: Merges) => mergePiece(bytesOf(text), merges),
  },
  {
    what: 'the leftmost pair on the list goes first, whatever its rank',
    name: 'leftmost-pair',
    solution: (text: string, merges: Merges, pattern: RegExp) =>
      (text.match(pattern) ?? []).flatMap((piece) => {
        const ids = bytesOf(piece);
        let i = 0;
        while (i + 1 < ids.length) {
          const r = merges.findIndex(([a, b]) => a === ids[i] && b === ids[i + 1]);
          if (r < 0) i++;
          else {
            ids.splice(i, 2, 256 + r);
            i = 0;
          }
        }
        return ids;
      }),
  },
  {
    what: 'takes the longest token that fits',
    name: 'longest-match',
    solution: (text: string, merges: Merges, pattern: RegExp) => {
      const spelled: number[][] = Array.from({ length: 256 }, (_, b) => [b]);
      for (const [a, b] of merges) spelled.push([...spelled[a], ...spelled[b]]);
      return (text.match(pattern) ?? []).flatMap((piece) => {
        const bytes = bytesOf(piece);
        const out: number[] = [];
        for (let at = 0; at < bytes.length; ) {
          let best = bytes[at];
          spelled.forEach((token, id) => {
            const fits = token.every((b, i) => bytes[at + i] === b);
            if (fits && token.length > spelled[best].length) best = id;
          });
          out.push(best);
          at += spelled[best].length;
        }
        return out;
      });
    },
  },
  {
    what: 'a merge gets its index as its id, without the 256',
    name: null,
    missedAtFirst: true,
    solution: (text: string, merges: Merges, pattern: RegExp) =>
      (text.match(pattern) ?? [])
        .flatMap((piece) => mergePiece(bytesOf(piece), merges))
        .map((id) => (id >= 256 ? id - 256 : id)),
  },
];
