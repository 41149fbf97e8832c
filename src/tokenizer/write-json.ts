// A trained vocabulary as the files that HF `tokenizers`, transformers and @huggingface/tokenizers load:
// `tokenizer.json` with SmolLM2's pipeline (digits one by one, then byte level), and `tokenizer_config.json`.

import type { TrainedVocabulary } from './train.ts';

/** SmolLM2's chat markers and end of text, in the order of their ids in the nano models here. */
export const DEFAULT_SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

/** `tokenizer.json`, to be written with JSON.stringify. Merges are texts, which every version reads. */
export function tokenizerJson({ tokens, merges, specialTokens }: TrainedVocabulary): unknown {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
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
      vocab: Object.fromEntries(tokens.map((text, id) => [text, id])),
      merges: merges.map(([left, right]) => `${left} ${right}`),
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
