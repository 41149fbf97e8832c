// Draws a mixture from files: one pass that measures the sources, one that writes, with the sources interleaved so that
// every part of the output has the mixture's shares.

import { join } from 'node:path';
import { FormatError } from '../../base/errors.ts';
import { type MixRecipe, wantedAmounts } from '../../data/mixture/mix-recipe.ts';
import { isDrawn, nextSource, planDraws, type SourceDraw, sizeOf } from '../../data/mixture/mixture.ts';
import { asPlainNumber } from '../../data/pipeline/document-line.ts';
import { makeFolder } from '../write-file.ts';
import { decodedBlock } from './block-bytes.ts';
import { inputFiles } from './input-files.ts';
import { readBlocks } from './read-blocks.ts';
import { OutputFile } from './streams.ts';

export interface MixReport {
  readonly unit: string;
  readonly seed: number;
  readonly numDocuments: number;
  readonly sources: readonly (SourceDraw & {
    readonly numDocuments: number;
    /** What was written, which the hash decides: near `drawn`. */
    readonly written: number;
    readonly share: number;
  })[];
}

type Row = Readonly<Record<string, unknown>>;

export async function mix(recipe: MixRecipe, folder: string): Promise<MixReport> {
  const files = await Promise.all(recipe.sources.map(({ paths }) => inputFiles(paths)));
  const wanted = wantedAmounts(recipe);
  const sizes: number[] = [];
  for (const list of files) sizes.push(await measured(list, recipe));
  const draws = planDraws(
    recipe.sources.map(({ name }, s) => ({ name, size: sizes[s], wanted: wanted[s] })),
    recipe.maxEpochs,
  );
  makeFolder(folder);
  const output = new OutputFile(join(folder, 'mixture.jsonl.gz'));
  const streams = draws.map((draw, s) => drawnRows(draw, files[s], recipe));
  const left = draws.map(({ drawn }) => drawn);
  const written = draws.map(() => 0);
  const numDocuments = draws.map(() => 0);
  for (let s = nextSource(written, left); s >= 0; s = nextSource(written, left)) {
    const { value, done } = await streams[s].next();
    if (done) {
      left[s] = 0;
      continue;
    }
    await output.write(`${JSON.stringify({ ...value.row, source: draws[s].name }, asPlainNumber)}\n`);
    written[s] += value.size;
    numDocuments[s]++;
  }
  await output.close();
  const sum = written.reduce((a, b) => a + b, 0);
  return {
    unit: recipe.unit,
    seed: recipe.seed,
    numDocuments: numDocuments.reduce((a, b) => a + b, 0),
    sources: draws.map((draw, s) => ({
      ...draw,
      numDocuments: numDocuments[s],
      written: written[s],
      share: sum === 0 ? 0 : written[s] / sum,
    })),
  };
}

async function measured(files: readonly string[], { unit }: MixRecipe): Promise<number> {
  let size = 0;
  for await (const { row } of rowsOf(files)) size += sizeOf(row, unit);
  return size;
}

async function* drawnRows(
  { name, epochs }: SourceDraw,
  files: readonly string[],
  { unit, seed }: MixRecipe,
): AsyncGenerator<{ row: Row; size: number }> {
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const { row, place } of rowsOf(files)) {
      if (isDrawn(epochs, epoch, `${name}:${place}`, seed)) yield { row, size: sizeOf(row, unit) };
    }
  }
}

/**
 * `place` is the number of the file and of the row in it: what is drawn by it stays when a folder is moved or is
 * written another way.
 *
 * @throws FormatError for a line that is no object: a mixture with holes would not be the one that was asked for
 */
export async function* rowsOf(files: readonly string[]): AsyncGenerator<{ row: Row; place: string }> {
  for (const [f, file] of files.entries()) {
    for await (const block of readBlocks(file, Number.POSITIVE_INFINITY, { bytes: 0 })) {
      for (const [i, row] of decodedBlock(block).rows.entries()) {
        const number = block.firstRow + i + 1;
        const shown = `${file}:${number}`;
        yield {
          row: typeof row === 'string' ? parsed(row, shown) : objectAt(row, shown),
          place: `${f + 1}:${number}`,
        };
      }
    }
  }
}

function parsed(line: string, shown: string): Row {
  try {
    return objectAt(JSON.parse(line), shown);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`expected one JSON object a line: ${(error as Error).message}`, { file: shown });
  }
}

function objectAt(row: unknown, shown: string): Row {
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Row;
  throw new FormatError('expected one JSON object a line', { file: shown });
}
