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
  readonly seed?: number;
}

/** Each prompt with its continuation. The same weights, prompt and seed give the same text everywhere. */
export async function trainingSamples(
  machine: TrainingMachine,
  tokenizerSource: TokenizerSource,
  prompts: readonly string[],
  { maxTokens, temperature = 0.8, seed = 1 }: SampleOptions,
  platform: WasmPlatform,
): Promise<readonly string[]> {
  const checkpoint = trainedCheckpoint(machine, tokenizerSource);
  const tokenizer = Tokenizer.from(tokenizerSource);
  const model = await loadModel(checkpoint, { threads: 1 }, platform);
  // Rows of a vocabulary that was padded are ids of no text.
  const constraint = {
    mask: (scores: Float64Array) => void scores.fill(Number.NEGATIVE_INFINITY, tokenizer.vocabSize),
    accept: () => undefined,
  };
  const isPadded = machine.config.vocabSize > tokenizer.vocabSize;
  const texts: string[] = [];
  try {
    for (const prompt of prompts) {
      let text = prompt;
      const options = {
        maxTokens,
        temperature,
        seed,
        contextOverflow: 'stop',
        ...(isPadded && { constraint }),
      } as const;
      for await (const token of generate(model, tokenizer, tokenizer.encode(prompt), options)) {
        text += token.text;
      }
      texts.push(text);
    }
  } finally {
    await model.close();
  }
  return texts;
}
