// The tokenizer of a GGUF file. Its metadata name the pre-tokenizer and nothing else of the pipeline; what
// belongs to a name is known from llama.cpp (src/llama-vocab.cpp) and, where that is silent, from the HF file
// of the same model.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { AddedToken } from './added-tokens.ts';
import { PRETOKENIZERS, type PretokenizerName } from './pretokenize.ts';
import type { GgufTokenizerSource } from './source.ts';
import type { TokenizerSpec } from './spec.ts';

// Values of `tokenizer.ggml.token_type`.
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

/** Names that llama.cpp gives the same meaning. */
const ALIASES: ReadonlyMap<string, PretokenizerName> = new Map([
  ['llama3', 'llama-bpe'],
  ['llama-v3', 'llama-bpe'],
  ['falcon3', 'llama-bpe'],
  ['deepseek-r1-qwen', 'qwen2'],
  ['starcoder', 'smollm'],
  ['refact', 'smollm'],
  ['command-r', 'smollm'],
]);

export function readGgufTokenizer(source: GgufTokenizerSource): TokenizerSpec {
  const { file, tokens, merges, tokenTypes } = source;
  const refuse = (field: string, message: string): never => {
    throw new FormatError(message, { file, field: `tokenizer.ggml.${field}` });
  };
  const pretokenizer =
    ALIASES.get(source.pre) ??
    (Object.hasOwn(PRETOKENIZERS, source.pre)
      ? (source.pre as PretokenizerName)
      : refuse('pre', `expected ${knownNames()}, got ${shown(source.pre)}`));
  if (tokenTypes.length !== tokens.count) {
    refuse('token_type', `expected ${tokens.count}, one for each token, got ${tokenTypes.length}`);
  }
  if (source.addSpacePrefix) refuse('add_space_prefix', 'expected false, got true');
  const added: AddedToken[] = [];
  for (let id = 0; id < tokens.count; id++) {
    const type = tokenTypes[id];
    if (type === UNKNOWN || type === CONTROL || type === USER_DEFINED) {
      added.push({ id, text: tokens.get(id), isSpecial: type !== USER_DEFINED, isNormalized: false });
    } else if (type === BYTE) {
      refuse('token_type', `expected no byte tokens in a byte-level vocabulary, got one at ${id}`);
    } else if (type < 0 || type > BYTE) {
      refuse('token_type', `expected 1 to ${BYTE}, got ${type} at ${id}`);
    }
  }
  return {
    file,
    tokens,
    merges,
    added,
    pretokenizer,
    normalizeNfc: source.pre === 'qwen2',
    ignoreMerges: pretokenizer === 'llama-bpe',
    bosId: source.bosId,
    eosIds: source.eosIds,
    addBos: source.addBos,
  };
}

/** The pre-tokenizers that are known, for an error message. */
export function knownNames(): string {
  return `a known pre-tokenizer (${Object.keys(PRETOKENIZERS).join(', ')})`;
}
