// The weights that benches run on, and a prompt of any length: the text of LICENSE, again and again.

import { readFileSync } from 'node:fs';
import { readGguf } from '../src/format/gguf.ts';
import { fileSource } from '../src/node/file-source.ts';
import { findWeights } from '../src/node/find-weights.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';

export interface BenchModel {
  /** Of the GGUF file. */
  readonly path: string;
  /** The first `length` ids of the prompt, and their text. */
  promptOf(length: number): { ids: number[]; text: string };
}

/** The file that `--model` names (the 135M Instruct model by default), fetched if need be. */
export async function benchModel(model = '135m'): Promise<BenchModel> {
  const { path } = await findWeights(model, { onNote: (text) => console.error(text) });
  const checkpoint = await readGguf(await fileSource(path));
  const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
  await checkpoint.close();
  const license = readFileSync(new URL('../LICENSE', import.meta.url), 'utf8');
  return {
    path,
    promptOf: (length) => {
      const ids: number[] = [];
      while (ids.length < length) ids.push(...tokenizer.encode(license));
      ids.length = length;
      return { ids, text: tokenizer.decode(ids) };
    },
  };
}
