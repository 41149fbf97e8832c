// The six tiny models of test/golden/tiny: random weights in HuggingFace folders, small enough for every test.

import { dirname, join } from 'node:path';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { readHfFolder } from '../../src/format/hf.ts';
import { bytesSource } from '../../src/format/source.ts';
import type { Model } from '../../src/model/model.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { type LoadOptions, loadModel } from '../../src/run/load.ts';
import { goldenPath } from './goldens.ts';

export const TINY_NAMES = ['gqa', 'mha', 'mqa', 'untied', 'llama3-rope', 'qwen2'] as const;

/** Read whole: nothing stays open. */
export function tinyCheckpoint(name: string): Promise<Checkpoint> {
  const folder = dirname(goldenPath(`tiny/${name}/config.json`));
  return readHfFolder(async (file) => {
    const source = await fileSource(join(folder, file));
    const bytes = await source.read(0, source.size);
    await source.close?.();
    return bytesSource(source.name, bytes);
  }, name);
}

/** The model, loaded. */
export async function tinyModel(
  name: string,
  options: LoadOptions = { engine: 'reference' },
): Promise<Model> {
  return loadModel(await tinyCheckpoint(name), options);
}
