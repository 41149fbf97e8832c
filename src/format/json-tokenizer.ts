// A checkpoint's tokenizer as the files of an HF folder, which is what models are written with.

import type { ModelConfig } from '../config.ts';
import { readGgufTokenizer } from '../tokenizer/read-gguf.ts';
import type { GgufTokenizerSource, JsonTokenizerSource } from '../tokenizer/source.ts';
import { tokenizerConfig, tokenizerJsonOf } from '../tokenizer/write-json.ts';
import type { Checkpoint } from './checkpoint.ts';

/**
 * The same checkpoint with `tokenizer.json` and `tokenizer_config.json`: translated from GGUF; or completed, since a
 * tokenizer that was trained here says nothing about ends of texts, and the config does.
 */
export function withJsonTokenizer(checkpoint: Checkpoint): Checkpoint {
  const { tokenizer, config, chatTemplate } = checkpoint;
  if (!tokenizer || (tokenizer.kind === 'json' && tokenizer.tokenizerConfig)) return checkpoint;
  const { json, end } = tokenizer.kind === 'gguf' ? ofGguf(tokenizer, config) : ofJson(tokenizer, config);
  const settings = end && tokenizerConfig(end, config.maxSeqLen, chatTemplate);
  return {
    ...checkpoint,
    tokenizer: {
      kind: 'json',
      tokenizer: json,
      ...(settings ? { tokenizerConfig: settings } : {}),
      file: tokenizer.file,
    },
  };
}

function ofGguf(source: GgufTokenizerSource, { eosIds }: ModelConfig) {
  const spec = readGgufTokenizer(source);
  const endId = spec.eosIds[0] ?? eosIds[0];
  return { json: tokenizerJsonOf(spec), end: endId === undefined ? undefined : spec.tokens.get(endId) };
}

function ofJson({ tokenizer: json }: JsonTokenizerSource, { eosIds }: ModelConfig) {
  const { added_tokens: added } = json as { added_tokens?: { id: number; content: string }[] };
  return { json, end: added?.find(({ id }) => id === eosIds[0])?.content };
}
