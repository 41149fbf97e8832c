// What a checkpoint hands to the tokenizer: the facts of a GGUF file, or the parsed JSON files of an HF
// folder. Readers (src/format) fill it in; tokenizer.ts checks it and builds the tables.

import type { StringTable } from '../base/string-table.ts';

/** Tokenizer of a GGUF file (`tokenizer.ggml.*`). */
export interface GgufTokenizerSource {
  readonly kind: 'gguf';
  /** Token texts in the byte-level alphabet, by id. */
  readonly tokens: StringTable;
  /** `left right` pairs in the byte-level alphabet, best first. */
  readonly merges: StringTable;
  /** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; by id. */
  readonly tokenTypes: Int32Array;
  /** `tokenizer.ggml.pre`: the name of the pre-tokenizer. */
  readonly pre: string;
  readonly bosId?: number;
  readonly eosIds: readonly number[];
  readonly unkId?: number;
  /** `tokenizer.ggml.add_bos_token`; where the file is silent, what models with this pre-tokenizer do. */
  readonly addBos: boolean;
  readonly addSpacePrefix: boolean;
  readonly file: string;
}

/**
 * Tokenizer of an HF folder: `tokenizer.json` and, where present, `tokenizer_config.json`, as
 * JSON.parse gave them.
 */
export interface JsonTokenizerSource {
  readonly kind: 'json';
  readonly tokenizer: unknown;
  readonly tokenizerConfig?: unknown;
  readonly file: string;
}

export type TokenizerSource = GgufTokenizerSource | JsonTokenizerSource;
