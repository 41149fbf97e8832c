import type { Learner } from './learner.ts';

interface Options {
  size: number;
  bands: number;
  rowsPerBand: number;
}
type Hash = (text: string, n: number) => number;
type Args = [texts: string[], options: Options, hash: Hash];

const wordsOf = (text: string) => text.toLowerCase().split(/\s+/).filter(Boolean);
const shinglesOf = (words: string[], size: number) =>
  words.slice(size - 1).map((_, i) => words.slice(i, i + size).join(' '));
const sign = (shingles: string[], places: number, hash: Hash) =>
  shingles.length === 0
    ? []
    : Array.from({ length: places }, (_, n) => Math.min(...shingles.map((s) => hash(s, n))));
const signed = (...[texts, { size, bands, rowsPerBand }, hash]: Args) =>
  texts.map((text) => sign(shinglesOf(wordsOf(text), size), bands * rowsPerBand, hash));

function alike(a: number[], b: number[], { bands, rowsPerBand }: Options): boolean {
  if (a.length === 0 || b.length === 0) return false;
  for (let band = 0; band < bands; band++) {
    const from = band * rowsPerBand;
    if (a.slice(from, from + rowsPerBand).every((v, i) => v === b[from + i])) return true;
  }
  return false;
}
const keepFirst = (signatures: number[][], same: (a: number[], b: number[]) => boolean) =>
  signatures.flatMap((own, i) => (signatures.slice(0, i).some((other) => same(own, other)) ? [] : [i]));

export const right: Learner[] = [
  {
    what: 'small functions, all pairs',
    solution: (...[texts, options, hash]: Args) => {
      const signatures = signed(texts, options, hash);
      return [signatures, keepFirst(signatures, (a, b) => alike(a, b, options))];
    },
  },
  {
    what: 'a set of bands seen, running minima, an early continue',
    solution: (...[texts, { size, bands, rowsPerBand }, hash]: Args) => {
      const seen = new Set<string>();
      const kept: number[] = [];
      const signatures: number[][] = [];
      for (const [index, text] of texts.entries()) {
        const words = text.toLowerCase().match(/\S+/g) ?? [];
        const signature: number[] = [];
        for (let i = 0; i + size <= words.length; i++) {
          const shingle = words.slice(i, i + size).join(' ');
          for (let n = 0; n < bands * rowsPerBand; n++) {
            signature[n] = Math.min(signature[n] ?? Infinity, hash(shingle, n));
          }
        }
        signatures.push(signature);
        if (signature.length === 0) {
          kept.push(index);
          continue;
        }
        const keys = Array.from(
          { length: bands },
          (_, b) => `${b}:${signature.slice(b * rowsPerBand, (b + 1) * rowsPerBand)}`,
        );
        if (!keys.some((key) => seen.has(key))) kept.push(index);
        for (const key of keys) seen.add(key);
      }
      return [signatures, kept];
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'single words for shingles',
    name: 'words-not-shingles',
    solution: (...[texts, options, hash]: Args) => {
      const signatures = signed(texts, { ...options, size: 1 }, hash);
      return [signatures, keepFirst(signatures, (a, b) => alike(a, b, options))];
    },
  },
  {
    what: 'all bands must agree',
    name: 'all-bands',
    solution: (...[texts, options, hash]: Args) => {
      const signatures = signed(texts, options, hash);
      const same = (a: number[], b: number[]) => a.length > 0 && a.every((v, i) => v === b[i]);
      return [signatures, keepFirst(signatures, same)];
    },
  },
  {
    what: 'both of two copies are dropped',
    name: 'both-dropped',
    solution: (...[texts, options, hash]: Args) => {
      const signatures = signed(texts, options, hash);
      const kept = signatures
        .map((_, i) => i)
        .filter((i) => !signatures.some((other, j) => j !== i && alike(signatures[i], other, options)));
      return [signatures, kept];
    },
  },
  {
    what: 'compared with kept texts only, not with every text before',
    name: 'compared-with-dropped',
    solution: (...[texts, options, hash]: Args) => {
      const signatures = signed(texts, options, hash);
      const kept: number[] = [];
      signatures.forEach((own, i) => {
        if (!kept.some((j) => alike(own, signatures[j], options))) kept.push(i);
      });
      return [signatures, kept];
    },
  },
  {
    what: 'capitals are kept',
    name: 'capitals-kept',
    solution: (...[texts, options, hash]: Args) => {
      const signatures = texts.map((text) =>
        sign(
          shinglesOf(
            text.split(/\s+/).filter((w) => w !== ''),
            options.size,
          ),
          options.bands * options.rowsPerBand,
          hash,
        ),
      );
      return [signatures, keepFirst(signatures, (a, b) => alike(a, b, options))];
    },
  },
  {
    what: 'split at white space without trimming: an empty word at the edges',
    name: 'empty-words',
    missedAtFirst: true,
    solution: (...[texts, options, hash]: Args) => {
      const { size, bands, rowsPerBand } = options;
      const signatures = texts.map((text) =>
        sign(shinglesOf(text.toLowerCase().split(/\s+/), size), bands * rowsPerBand, hash),
      );
      return [signatures, keepFirst(signatures, (a, b) => alike(a, b, options))];
    },
  },
];
