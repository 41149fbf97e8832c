// The tokenizer of a run: what its recipe names, copied into the run's folder, so that the run can be converted from
// anywhere.

import { existsSync } from 'node:fs';
import { copyFile, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FormatError } from '../../base/errors.ts';
import type { TokenizerSource } from '../../tokenizer/source.ts';
import { makeFolder } from '../write-file.ts';

const FILES = ['tokenizer.json', 'tokenizer_config.json'] as const;

/** `tokenizer.json` of a folder, or the file itself, with the tokenizer_config.json beside it where there is one. */
export async function readTokenizer(path: string): Promise<TokenizerSource> {
  const file = fileOf(path);
  const config = join(dirname(file), FILES[1]);
  return {
    kind: 'json',
    tokenizer: await readJson(file),
    ...(existsSync(config) && { tokenizerConfig: await readJson(config) }),
    file,
  };
}

/** Whether there is one at that path: a recipe may name one of a hub. */
export function hasTokenizer(path: string): boolean {
  return existsSync(fileOf(path));
}

/** A copy in the folder of a run, in place of the one before. */
export async function keepTokenizer(path: string, run: string): Promise<void> {
  const folder = dirname(fileOf(path));
  if (resolve(folder) === resolve(run)) return;
  makeFolder(run);
  const config = join(folder, FILES[1]);
  if (existsSync(config)) await copyFile(config, join(run, FILES[1]));
  else await rm(join(run, FILES[1]), { force: true });
  await copyFile(fileOf(path), join(run, FILES[0]));
}

function fileOf(path: string): string {
  return path.endsWith('.json') ? path : join(path, FILES[0]);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file });
  }
}
