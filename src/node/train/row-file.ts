// Rows of a data set on disk, one object each: JSONL, or parquet as the hub has it.

import { FormatError } from '../../base/errors.ts';
import type { RowPlace } from '../../train/row-place.ts';
import { compressors, decoded, lines, ROWS_AT_ONCE } from './corpus.ts';

/** @throws FormatError for a line that is no object, or a file that is no parquet */
export async function* rowsOfFile(file: string): AsyncGenerator<[Record<string, unknown>, RowPlace]> {
  if (file.endsWith('.parquet')) return yield* parquetRows(file);
  let number = 0;
  for await (const bytes of lines(file)) {
    const at = { file, field: `line ${++number}` };
    const line = decoded(bytes, file, at.field);
    if (line.trim() === '') continue;
    yield [parseRow(line, at), at];
  }
}

function parseRow(line: string, at: RowPlace): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, at);
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FormatError('expected an object', at);
}

async function* parquetRows(path: string): AsyncGenerator<[Record<string, unknown>, RowPlace]> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const numRows = Number(metadata.num_rows);
    for (let rowStart = 0; rowStart < numRows; rowStart += ROWS_AT_ONCE) {
      const rowEnd = Math.min(numRows, rowStart + ROWS_AT_ONCE);
      const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors });
      for (const [i, row] of rows.entries()) yield [row, { file: path, field: `row ${rowStart + i}` }];
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`expected a parquet file: ${(error as Error).message}`, { file: path });
  }
}
