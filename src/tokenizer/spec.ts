// A byte-level BPE tokenizer after its file has been understood: what read-gguf.ts and read-json.ts produce
// and tokenizer.ts builds its tables from.

import type { StringTable } from '../base/string-table.ts';
import type { AddedToken } from './added-tokens.ts';
import type { PretokenizerName } from './pretokenize.ts';

export interface TokenizerSpec {
  /** Name of the file, for error messages. */
  readonly file: string;
  /**
   * Texts by id, in the byte alphabet (added tokens: as they are); the empty text is an id without a token.
   */
  readonly tokens: StringTable;
  /** `left right`, best first. */
  readonly merges: StringTable;
  readonly added: readonly AddedToken[];
  readonly pretokenizer: PretokenizerName;
  /** Text is brought into Unicode normalisation form C before it is cut (Qwen2). */
  readonly normalizeNfc: boolean;
  /** A word that is a token stays whole, whatever the merges say (Llama 3). */
  readonly ignoreMerges: boolean;
  readonly bosId: number | undefined;
  readonly eosIds: readonly number[];
  /** Whether `encode` begins with `bosId` unless told otherwise. */
  readonly addBos: boolean;
}
