// A trained vocabulary as the files that HF `tokenizers`, transformers and @huggingface/tokenizers load:
// `tokenizer.json` with SmolLM2's pipeline (digits one by one, then byte level), and `tokenizer_config.json`.

import { UnsupportedError } from '../base/errors.ts';
import type { AddedToken } from './added-tokens.ts';
import type { TokenizerSpec } from './spec.ts';
import type { TrainedVocabulary } from './train.ts';

/** SmolLM2's chat markers and end of text, in the order of their ids in the nano models here. */
export const DEFAULT_SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

/** `tokenizer.json` of a trained vocabulary, to be written with JSON.stringify. */
export function tokenizerJson({ tokens, merges, specialTokens }: TrainedVocabulary): unknown {
  const added = specialTokens.map((text, id) => ({ id, text, isSpecial: true, isNormalized: false }));
  const vocab = tokens.map((text, id) => [text, id] as const);
  return pipelineJson(
    vocab,
    merges.map(([left, right]) => `${left} ${right}`),
    added,
  );
}

/**
 * `tokenizer.json` of a tokenizer that was read from another format.
 *
 * @throws UnsupportedError when its words are not cut as SmolLM2's
 */
export function tokenizerJsonOf(spec: TokenizerSpec): unknown {
  const { tokens, merges, added, pretokenizer, file } = spec;
  if (pretokenizer !== 'smollm' || spec.normalizeNfc || spec.ignoreMerges || spec.addBos) {
    throw new UnsupportedError(
      `${file}: expected SmolLM2's tokenizer, got that of ${pretokenizer}; name a tokenizer.json`,
    );
  }
  const texts = Array.from({ length: tokens.count }, (_, id) => [tokens.get(id), id] as const);
  const list = Array.from({ length: merges.count }, (_, rank) => merges.get(rank));
  return pipelineJson(
    texts.filter(([text]) => text !== ''),
    list,
    added,
  );
}

/** SmolLM2's pipeline. Merges are texts, which every version reads. */
function pipelineJson(
  vocab: readonly (readonly [text: string, id: number])[],
  merges: readonly string[],
  added: readonly AddedToken[],
): unknown {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map(({ id, text, isSpecial, isNormalized }) => ({
      id,
      content: text,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: isNormalized,
      special: isSpecial,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
    },
    post_processor: null,
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}

/**
 * `tokenizer_config.json`: which specials begin and end a text.
 *
 * @param endToken ends a text (pretraining) or a turn (chat)
 */
export function tokenizerConfig(endToken: string, maxSeqLen: number, chatTemplate?: string): unknown {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: endToken,
    eos_token: endToken,
    unk_token: endToken,
    model_max_length: maxSeqLen,
    clean_up_tokenization_spaces: false,
    ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
  };
}
