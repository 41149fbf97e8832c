// The tokenizer of SmolLM2 as the fast tests have it: the HF file, and the same vocabulary as a GGUF file
// tells it.

import { StringTable } from '../../src/base/string-table.ts';
import type { GgufTokenizerSource, JsonTokenizerSource } from '../../src/tokenizer/source.ts';
import { goldenJson } from './goldens.ts';

export interface TextCase {
  readonly category?: string;
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
  readonly decoded_skip_special: string;
}

export const tokenizerJson = goldenJson('tokenizer/tokenizer.json');
export const textCases: TextCase[] = goldenJson('tokenizer/strings.json').cases;
export const decodeCases: TextCase[] = goldenJson('tokenizer/decode.json').cases;

export const jsonSource: JsonTokenizerSource = {
  kind: 'json',
  tokenizer: tokenizerJson,
  tokenizerConfig: goldenJson('tokenizer/tokenizer_config.json'),
  file: 'tokenizer.json',
};

export function stringTable(texts: readonly string[]): StringTable {
  const encoded = texts.map((text) => new TextEncoder().encode(text));
  const offsets = new Uint32Array(texts.length + 1);
  for (const [i, bytes] of encoded.entries()) offsets[i + 1] = offsets[i] + bytes.length;
  return new StringTable(new Uint8Array(encoded.flatMap((bytes) => [...bytes])), offsets);
}

const vocab = Object.entries<number>(tokenizerJson.model.vocab).sort((a, b) => a[1] - b[1]);

export const ggufSource: GgufTokenizerSource = {
  kind: 'gguf',
  tokens: stringTable(vocab.map(([text]) => text)),
  merges: stringTable(tokenizerJson.model.merges.map((pair: string[]) => pair.join(' '))),
  tokenTypes: Int32Array.from(vocab, (_, id) => (id <= 16 ? 3 : 1)),
  pre: 'smollm',
  bosId: 1,
  eosIds: [2],
  unkId: 0,
  addBos: false,
  addSpacePrefix: false,
  file: 'model.gguf',
};

/** A seeded generator of whole numbers below `limit` (xorshift32), for long runs of random texts. */
export function randomBelow(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
