// A recipe on disk: yaml (JSON is yaml too), or a module whose default export is the recipe, with stages of its own.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseDocument } from 'yaml';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import type { Phase } from '../../data/pipeline/block.ts';
import { type PipelineRecipe, phasesOf, readPipelineRecipe } from '../../data/pipeline/recipe.ts';
import { fileResources, nodeStageKind } from './stage-table.ts';

/** @throws UnavailableError, FormatError with the field at fault */
export async function readRecipeFile(path: string): Promise<PipelineRecipe> {
  if (/\.(ts|mts|js|mjs)$/.test(path)) return readPipelineRecipe(await moduleDefault(path), path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UnavailableError(
      `${path}: expected a recipe that can be read, got ${(error as Error).message}`,
    );
  }
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new FormatError(`expected yaml: ${error.message.split('\n')[0]}`, { file: path });
  return readPipelineRecipe(document.toJS({ maxAliasCount: 100 }), path);
}

/** The recipe's stages, made here; files named in options are read from the working directory. */
export function makePhases(recipe: PipelineRecipe): Promise<Phase[]> {
  return phasesOf(recipe, nodeStageKind, fileResources);
}

async function moduleDefault(path: string): Promise<unknown> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)).default;
  } catch (error) {
    throw new UnavailableError(
      `${path}: expected a module that can be loaded, got ${(error as Error).message}`,
    );
  }
}
