// What datatrove answers for the documents of test/golden/dedup (our own), byte for byte.

import { readFileSync } from 'node:fs';
import type { MinHashConfig } from '../../src/data/minhash/config.ts';

export type FileBytes = Readonly<Record<string, Uint8Array>>;

interface MinHashGolden extends MinHashConfig {
  readonly name: string;
  readonly signatures: FileBytes;
  readonly pairs: FileBytes;
  readonly clusters: FileBytes;
  /** Of the documents of task 0. */
  readonly index: FileBytes;
  /** Pairs of task 1 alone against that index. */
  readonly againstIndex: FileBytes;
}

export interface DedupGoldens {
  readonly texts: readonly string[];
  /** Number of the document with which task 1 begins. */
  readonly firstOfTask1: number;
  readonly simplified: readonly string[];
  /** spaCy's words of the simplified texts. */
  readonly words: readonly (readonly string[])[];
  readonly minhash: readonly MinHashGolden[];
  readonly sentence: readonly {
    readonly spanSize: number;
    readonly isBySentence: boolean;
    readonly minWords: number;
    readonly minSentences: number;
    readonly kept: Readonly<Record<string, string>>;
  }[];
  readonly bloom: readonly {
    readonly numBits: number;
    readonly numHashes: number;
    readonly ngramSize: number;
    readonly threshold: number;
    readonly seed: number;
    readonly kept: readonly string[];
    readonly bits: Uint8Array;
  }[];
}

const FILE_SETS = ['signatures', 'pairs', 'clusters', 'index', 'againstIndex'];

/** Strings under the names of files are base64. */
export function dedupGoldens(): DedupGoldens {
  const url = new URL('../golden/dedup/dedup.json', import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'), (key, value) => {
    if (key === 'bits') return bytesOf(value);
    if (!FILE_SETS.includes(key)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, bytesOf(String(text))]));
  });
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
