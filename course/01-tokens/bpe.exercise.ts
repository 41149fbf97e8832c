// Byte-pair encoding with the merges given. They were learned from one sentence, so that real words have long and short
// tokens, and the texts hold what goes wrong: runs of one letter, letters of several bytes, two words side by side.

import { exercise, help } from '../exercise.ts';

/** A merge: the two ids that become one. The merge at index r makes id 256 + r. */
type Merge = readonly [left: number, right: number];
type Args = [text: string, merges: Merge[], pattern: RegExp];

const WORDS = / ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+/gu;
const LEARNED_FROM =
  'the strawberry in the straw: a berry, a raw berry; there the bears are bare. aaaa aaa naïve cafés née the end then';

/** Learns `count` merges: again and again the commonest pair of neighbours, the first of equals. */
function learn(text: string, count: number): Merge[] {
  const words = piecesOf(text, WORDS).map(bytesOf);
  const merges: Merge[] = [];
  for (let r = 0; r < count; r++) {
    const counts = new Map<string, number>();
    for (const ids of words) {
      for (let i = 0; i + 1 < ids.length; i++) {
        const pair = `${ids[i]} ${ids[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
    const merge = best.split(' ').map(Number) as unknown as Merge;
    merges.push(merge);
    for (const ids of words) mergeEverywhere(ids, merge, 256 + r);
  }
  return merges;
}

const piecesOf = (text: string, pattern: RegExp): string[] => text.match(pattern) ?? [];
const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

function mergeEverywhere(ids: number[], [left, right]: Merge, id: number): void {
  for (let i = 0; i + 1 < ids.length; i++) if (ids[i] === left && ids[i + 1] === right) ids.splice(i, 2, id);
}

const merges = learn(LEARNED_FROM, 40);

/** bc before ab; and "a" with the blank after it, 1 with 2, x with a sign: pairs that the cuts keep apart. */
const crossing = ['bc', 'ab', '\u0101c', 'a ', '12', 'x;'].map(
  ([a, b]) => [a.charCodeAt(0), b.charCodeAt(0)] as Merge,
);

export const bpe = exercise({
  name: 'bpe',
  chapter: 1,
  folder: '01-tokens',
  title: 'BPE: from text to token ids',
  minutes: 25,
  importance: 3,
  exact: true,
  cases: [
    { name: 'one word', args: ['berry', merges, WORDS] as Args },
    { name: 'a long word after a blank', args: [' strawberry', merges, WORDS] },
    { name: 'runs of one letter', args: ['aaaaa', merges, WORDS] },
    { name: 'letters of two bytes', args: ['naïve née', merges, WORDS] },
    { name: 'several words', args: ['the bears then bare the raw berry', merges, WORDS] },
    { name: 'digits and signs', args: ['straw 2024; aa: the end.', merges, WORDS] },
    { name: 'no text', args: ['', merges, WORDS] },
    { name: 'a face', args: ['there 😀 are', merges, WORDS] },
    { name: 'merges that would cross from word to word', args: ['abc a b 12 x;', crossing, WORDS] },
  ],
  truth: (text: string, rules: readonly Merge[], pattern: RegExp) =>
    piecesOf(text, pattern).flatMap((piece) => {
      const ids = bytesOf(piece);
      for (;;) {
        // The rank of each pair of neighbours; the lowest wins, the leftmost of equals.
        const ranks = ids
          .slice(1)
          .map((right, i) => rules.findIndex(([a, b]) => a === ids[i] && b === right));
        const lowest = Math.min(...ranks.filter((rank) => rank >= 0));
        if (lowest === Number.POSITIVE_INFINITY) return ids;
        ids.splice(ranks.indexOf(lowest), 2, 256 + lowest);
      }
    }),
  variant: (has) => (text: string, rules: readonly Merge[], pattern: RegExp) => {
    const cut = has('blanks-lost') ? /[^\s]+/gu : has('own-cut') ? /\s*\S+/gu : pattern;
    const pieces = has('no-cut') ? [text] : piecesOf(text, cut);
    const first = has('id-one-less') ? 255 : has('id-from-zero') ? 0 : 256;
    const bytes = (piece: string) =>
      has('code-units')
        ? Array.from({ length: piece.length }, (_, i) => piece.charCodeAt(i))
        : has('characters')
          ? [...piece].map((c) => c.codePointAt(0) ?? 0)
          : has('half-bytes')
            ? [...piece].map((c) => (c.codePointAt(0) ?? 0) & 255)
            : bytesOf(piece);
    return pieces.flatMap((piece) => {
      if (has('longest-match')) return longestMatch(bytes(piece), rules);
      const ids = bytes(piece);
      for (let round = 0; round < (has('one-merge') ? 1 : 1000); round++) {
        const ranks = ids
          .slice(1)
          .map((right, i) => rules.findIndex(([a, b]) => a === ids[i] && b === right));
        const known = ranks.filter((rank) => rank >= 0);
        if (known.length === 0) break;
        if (has('one-sweep')) {
          for (let i = 0; i + 1 < ids.length; i++) {
            const rank = rules.findIndex(([a, b]) => a === ids[i] && b === ids[i + 1]);
            if (rank >= 0) ids.splice(i, 2, first + rank);
          }
          break;
        }
        let rank = has('highest-rank') ? Math.max(...known) : Math.min(...known);
        if (has('leftmost-pair')) rank = known[0];
        if (has('rightmost-pair')) rank = known[known.length - 1];
        ids.splice(has('last-of-equals') ? ranks.lastIndexOf(rank) : ranks.indexOf(rank), 2, first + rank);
      }
      return ids;
    });
  },
  mistakes: {
    'code-units': help(
      'the alphabet is bytes.',
      'yours: UTF-16 code units. Meant: the bytes of UTF-8; ï is two of them, a face four.',
      'charCodeAt(i)',
      'new TextEncoder().encode(piece)',
    ),
    'longest-match': help(
      'which merge comes first?',
      'yours: from left to right the longest token that fits. Meant: merges in the order of their rank.',
      'longest token that fits here',
      'the pair of lowest rank, anywhere in the piece',
    ),
    'highest-rank': help(
      'which merge comes first?',
      'yours: the highest rank. Meant: the lowest: merges learned first are carried out first.',
      'Math.max(...ranks)',
      'Math.min(...ranks)',
    ),
    'leftmost-pair': help(
      'which merge comes first?',
      'yours: the first pair from the left that has a rank. Meant: the pair of lowest rank.',
      'ranks.find((rank) => rank >= 0)',
      'the least of the ranks',
    ),
    'rightmost-pair': help(
      'which merge comes first?',
      'yours: the last pair that has a rank. Meant: the pair of lowest rank.',
      'the last pair',
      'the pair of lowest rank',
    ),
    'last-of-equals': help(
      'a run of one letter: which two are merged?',
      'yours: the last pair of that rank. Meant: the leftmost.',
      'lastIndexOf',
      'indexOf',
    ),
    'one-sweep': help(
      'how often is the piece looked through?',
      'yours: once from left to right, merging what fits. Meant: the lowest rank each time, until none is left.',
      'one pass',
      'for (;;) { find the lowest rank; merge it }',
    ),
    'one-merge': help(
      'when is a piece finished?',
      'yours: after one merge. Meant: when no pair of neighbours has a rank.',
      'if (pair) merge(pair)',
      'while (pair) merge(pair)',
    ),
    characters: help(
      'the alphabet is bytes.',
      'yours: code points. Meant: the bytes of UTF-8; ï is two of them.',
      'codePointAt(0)',
      'new TextEncoder().encode(piece)',
    ),
    'half-bytes': help(
      'the alphabet is bytes.',
      'yours: the low eight bits of code points. Meant: the bytes of UTF-8.',
      'codePointAt(0) & 255',
      'new TextEncoder().encode(piece)',
    ),
    'no-cut': help(
      'look at the pattern.',
      'yours: merges across words. Meant: the text is cut first, and merges stay within a piece.',
      'merge(text)',
      'text.match(pattern).flatMap(merge)',
    ),
    'own-cut': help(
      'look at the pattern: it is an argument.',
      'yours: cut before blanks only. Meant: cut by the pattern, which parts digits and signs too.',
      '/\\s*\\S+/g',
      'pattern',
    ),
    'blanks-lost': help(
      'where have the blanks gone?',
      'yours: cut at blanks, which are dropped. Meant: a blank is a byte like others.',
      'text.split(" ")',
      'text.match(pattern)',
    ),
    'id-one-less': help(
      'look at the new ids.',
      'yours: 255 + rank. Meant: 256 + rank: bytes are 0 … 255.',
      '255 + rank',
      '256 + rank',
    ),
    'id-from-zero': help(
      'look at the new ids.',
      'yours: rank. Meant: 256 + rank: bytes are 0 … 255.',
      'rank',
      '256 + rank',
    ),
  },
  why: [
    'Bytes as the alphabet mean that every text has tokens: nothing is ever "unknown".',
    'The order of the merges is the vocabulary: with another order the same model would read other words.',
  ],
});

/** From left to right the longest token that fits, as people first think of it. */
function longestMatch(bytes: readonly number[], rules: readonly Merge[]): number[] {
  const spelled: number[][] = [];
  const spell = (id: number) => (id < 256 ? [id] : spelled[id - 256]);
  for (const [a, b] of rules) spelled.push([...spell(a), ...spell(b)]);
  const ids: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let [id, length] = [bytes[at], 1];
    for (const [rank, token] of spelled.entries()) {
      const fits = token.length > length && token.every((byte, i) => bytes[at + i] === byte);
      if (fits) [id, length] = [256 + rank, token.length];
    }
    ids.push(id);
    at += length;
  }
  return ids;
}
