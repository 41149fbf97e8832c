// MinHash: near-duplicates by signatures. The texts hold a copy with other capitals, one with a word changed, one with
// the same words in another order, and one that only shares a little.

import { exercise, help } from '../exercise.ts';

interface Options {
  /** Words in a shingle. */
  readonly size: number;
  readonly bands: number;
  readonly rowsPerBand: number;
}
type Args = [texts: string[], options: Options];
type Hash = (text: string, n: number) => number;

/** FNV-1a with a seed: the n-th of as many hash functions as one likes, 24 bits. */
const hash: Hash = (text, n) => {
  let h = 0x811c9dc5 ^ Math.imul(n + 1, 0x9e3779b1);
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 8;
};

const RIVER = 'the river runs down to the sea and the sea gives it back to the hills as rain';
const BREAD = 'take flour and water and salt knead them well and bake the bread until it is brown';
const CASES: Args[] = [
  [[RIVER], { size: 3, bands: 2, rowsPerBand: 2 }],
  [[RIVER, BREAD, RIVER], { size: 3, bands: 4, rowsPerBand: 3 }],
  [
    [BREAD, RIVER.toUpperCase(), RIVER, BREAD.replace('brown', 'done'), BREAD.split(' ').reverse().join(' ')],
    { size: 3, bands: 8, rowsPerBand: 2 },
  ],
  [
    ['too short', RIVER, 'two words', RIVER.replace('sea', 'lake'), BREAD, 'a b c'],
    { size: 3, bands: 6, rowsPerBand: 3 },
  ],
  [
    Array.from({ length: 8 }, (_, n) => RIVER.split(' ').slice(n).join(' ')),
    { size: 3, bands: 2, rowsPerBand: 6 },
  ],
  [[`  ${RIVER}\n`, BREAD, RIVER, ` ${BREAD}`], { size: 3, bands: 6, rowsPerBand: 3 }],
];
const NAMES = [
  'one text',
  'a copy',
  'capitals, one word changed, words reversed',
  'texts that are too short',
  'a text that loses word after word',
  'white space at the edges',
];

export const minhash = exercise({
  name: 'minhash',
  chapter: 12,
  folder: '12-curation',
  title: 'MinHash: find the near-copies',
  minutes: 25,
  importance: 1,
  parts: ['signatures', 'kept'],
  exact: true,
  cases: CASES.map((args, i) => ({ name: NAMES[i], args })),
  given: (texts, options) => [texts, options, hash],
  truth: (texts: string[], options: Options, h: Hash) => deduplicated(() => false, texts, options, h),
  variant: (has) => (texts: string[], options: Options, h: Hash) =>
    deduplicated(has as (mistake: string) => boolean, texts, options, h),
  mistakes: {
    'empty-words': help(
      'what stands before white space at the very front?',
      'yours: an empty word. Meant: no word is empty.',
      'text.split(/\\s+/)',
      'text.split(/\\s+/).filter(Boolean)',
    ),
    'words-not-shingles': help(
      'what is hashed?',
      'yours: single words. Meant: every run of `size` words.',
      'words',
      'shingles',
    ),
    'letters-not-words': help(
      'what is a shingle made of?',
      'yours: letters. Meant: words.',
      'text.slice(i, i + size)',
      "words.slice(i, i + size).join(' ')",
    ),
    'without-blanks': help(
      'how are the words of a shingle joined?',
      'yours: without blanks. Meant: by one blank.',
      "join('')",
      "join(' ')",
    ),
    'last-shingle-missing': help(
      'count the shingles.',
      'yours: one fewer. Meant: words.length − size + 1.',
      'i + size < words.length',
      'i + size <= words.length',
    ),
    'steps-of-size': help(
      'do shingles overlap?',
      'yours: side by side. Meant: one begins at every word.',
      'i += size',
      'i++',
    ),
    'capitals-kept': help(
      'is "The" the word "the"?',
      'yours: no. Meant: everything in lower case first.',
      'text',
      'text.toLowerCase()',
    ),
    maximum: help('which hash is kept?', 'yours: the largest. Meant: the least.', 'Math.max', 'Math.min'),
    'one-hash': help(
      'how many hash functions are there?',
      'yours: number 0 every time. Meant: place n of the signature uses hash n.',
      'hash(shingle, 0)',
      'hash(shingle, n)',
    ),
    'all-bands': help('how many bands must agree?', 'yours: all. Meant: one is enough.', 'every', 'some'),
    'any-place': help(
      'what of a band must agree?',
      'yours: any one place. Meant: all places of it.',
      'some place',
      'every place of the band',
    ),
    'first-band-only': help(
      'how many bands are there?',
      'yours looks at the first. Meant: at all.',
      'band 0',
      'band 0 … bands − 1',
    ),
    'rows-for-bands': help(
      'bands of how many places?',
      'yours: the two numbers exchanged. Meant: `bands` bands of rowsPerBand places.',
      'n * bands',
      'band * rowsPerBand',
    ),
    'last-kept': help(
      'which copy is kept?',
      'yours: the last. Meant: the first.',
      'texts after it',
      'texts before it',
    ),
    'both-dropped': help(
      'which copy is kept?',
      'yours: neither. Meant: the first.',
      'any other text',
      'a kept text before it',
    ),
    'short-dropped': help(
      'what of a text without a shingle?',
      'yours: dropped. Meant: kept: it has an empty signature and is nobody’s copy.',
      'drop',
      'keep',
    ),
    'compared-with-dropped': help(
      'compared with which texts?',
      'yours: with kept ones only. Meant: with every text before it, so that a chain of copies goes as one.',
      'kept.some(…)',
      'all before.some(…)',
    ),
  },
  why: [
    'The chance that two texts have the same least hash is the share of shingles they have in common.',
    'Bands turn that share into a decision: many places in a band want much likeness, many bands forgive.',
  ],
});

function signatureOf(has: (mistake: string) => boolean, text: string, options: Options, h: Hash): number[] {
  const { size, bands, rowsPerBand } = options;
  const plain = has('capitals-kept') ? text : text.toLowerCase();
  const units = has('letters-not-words')
    ? [...plain]
    : plain.split(/\s+/).filter((word) => word || has('empty-words'));
  const length = has('words-not-shingles') ? 1 : size;
  const joiner = has('without-blanks') || has('letters-not-words') ? '' : ' ';
  const shingles: string[] = [];
  const last = units.length - length - (has('last-shingle-missing') ? 1 : 0);
  for (let i = 0; i <= last; i += has('steps-of-size') ? length : 1)
    shingles.push(units.slice(i, i + length).join(joiner));
  if (shingles.length === 0) return [];
  const best = has('maximum') ? Math.max : Math.min;
  return Array.from({ length: bands * rowsPerBand }, (_, n) =>
    best(...shingles.map((s) => h(s, has('one-hash') ? 0 : n))),
  );
}

function deduplicated(
  has: (mistake: string) => boolean,
  texts: readonly string[],
  options: Options,
  h: Hash,
) {
  const [bands, rows] = has('rows-for-bands')
    ? [options.rowsPerBand, options.bands]
    : [options.bands, options.rowsPerBand];
  const signatures = texts.map((text) => signatureOf(has, text, options, h));
  const isCopy = (a: readonly number[], b: readonly number[]) => {
    if (a.length === 0 || b.length === 0) return false;
    if (has('any-place')) return a.some((value, n) => value === b[n]);
    const agrees = Array.from({ length: has('first-band-only') ? 1 : bands }, (_, band) =>
      a.slice(band * rows, (band + 1) * rows).every((value, n) => value === b[band * rows + n]),
    );
    return has('all-bands') ? agrees.every(Boolean) : agrees.some(Boolean);
  };
  const kept: number[] = [];
  for (const [i, own] of signatures.entries()) {
    if (own.length === 0 && has('short-dropped')) continue;
    const others = signatures.filter((_, j) => {
      if (has('last-kept')) return j > i;
      if (has('both-dropped')) return j !== i;
      return has('compared-with-dropped') ? kept.includes(j) : j < i;
    });
    if (!others.some((other) => isCopy(own, other))) kept.push(i);
  }
  return [signatures, kept];
}
