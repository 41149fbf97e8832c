// A recipe on disk. Yaml as PyYAML reads it (1.1), so that nanotron's and TRL's files mean here what they mean
// there; JSON is yaml too.

import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { parseDocument } from 'yaml';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import { type ReadRecipe, readRecipe } from '../../train/read-recipe.ts';

export interface RecipeFile extends ReadRecipe {
  /** The file as it was parsed: what a checkpoint keeps, to name what has changed when a run is resumed. */
  readonly parsed: unknown;
}

/** A recipe is a page or two; the limit is far above that. */
const MAX_BYTES = 2 ** 20;

/**
 * @throws UnavailableError when there is no such file
 * @throws FormatError with line and column where it is not yaml, or with the key that no run could use
 */
export async function readRecipeFile(path: string): Promise<RecipeFile> {
  const text = await readText(path);
  const document = parseDocument(text, { version: '1.1', merge: true });
  const [error] = document.errors;
  if (error) {
    const [line] = error.message.split('\n');
    throw new FormatError(`expected yaml: ${line.replace(/:$/, '')}`, { file: path });
  }
  let parsed: unknown;
  try {
    parsed = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new FormatError(`expected yaml: ${(cause as Error).message}`, { file: path });
  }
  return { ...readRecipe(parsed, path), parsed };
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES)
      throw new FormatError(`expected at most ${MAX_BYTES} bytes, got ${size}`, { file: path });
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof FormatError) throw error;
    if (error instanceof TypeError) throw new FormatError('expected text in UTF-8', { file: path });
    throw new UnavailableError(
      `${path}: expected a recipe that can be read, got ${(error as Error).message}`,
    );
  }
}

/** A path that a recipe names: as it stands, from where the program runs, or beside the recipe. */
export function pathOfRecipe(path: string, recipeFile: string): string {
  if (isAbsolute(path) || existsSync(path)) return path;
  const beside = join(dirname(recipeFile), path);
  return existsSync(beside) ? beside : path;
}
