// What a model in training writes: its weights as they are are loaded into an inference engine and continue a text.

import { generate } from '../generate/generate.ts';
import type { TokenizerSource } from '../tokenizer/source.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { TrainingMachine } from '../train/machine.ts';
import { trainedCheckpoint } from '../train/trained-checkpoint.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import { loadModel } from './load.ts';

export interface SampleOptions {
  /** Tokens of each continuation. */
  readonly maxTokens: number;
  /** nanoGPT's 0.8 unless told otherwise. */
  readonly temperature?: number;
}

/** Each prompt with its continuation, in ids that the tokenizer has. Weights and prompt alone decide the text. */
export async function trainingSamples(
  machine: TrainingMachine,
  tokenizerSource: TokenizerSource,
  prompts: readonly string[],
  { maxTokens, temperature = 0.8 }: SampleOptions,
  platform: WasmPlatform,
): Promise<readonly string[]> {
  const checkpoint = trainedCheckpoint(machine, tokenizerSource);
  const tokenizer = Tokenizer.from(tokenizerSource);
  const model = await loadModel(checkpoint, { threads: 1 }, platform);
  const mask = (scores: Float64Array) => void scores.fill(Number.NEGATIVE_INFINITY, tokenizer.vocabSize);
  const constraint = { mask, accept: () => undefined };
  const drawing = { maxTokens, temperature, seed: 1, constraint, contextOverflow: 'stop' } as const;
  const texts: string[] = [];
  try {
    for (const prompt of prompts) {
      let text = prompt;
      for await (const token of generate(model, tokenizer, tokenizer.encode(prompt), drawing))
        text += token.text;
      texts.push(text);
    }
  } finally {
    await model.close();
  }
  return texts;
}
