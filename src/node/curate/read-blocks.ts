// Blocks of documents from a file of any format that we read. A block is large enough to be worth a thread's while
// and small enough that a few of them never matter.

import { gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { FormatError } from '../../base/errors.ts';
import type { ReadBlock } from './block-bytes.ts';
import { LINE_FEED, type Line, linesOf } from './lines.ts';
import { bytesOf, type ReadProgress } from './streams.ts';
import { warcRows } from './warc.ts';

const BLOCK_ROWS = 256;
/** A block of long lines is shorter. */
const BLOCK_BYTES = 1 << 20;
const ROWS_AT_ONCE = 1024;

type Row = Readonly<Record<string, unknown>> | undefined;

/**
 * @param limit rows at most
 * @throws FormatError, UnavailableError for a file that cannot be read; what came before it has been yielded
 */
export async function* readBlocks(
  file: string,
  limit: number,
  progress: ReadProgress,
): AsyncGenerator<ReadBlock> {
  if (limit <= 0) return;
  const parts = /\.parquet$/.test(file)
    ? rowParts(parquetRows(file, progress), limit)
    : /\.(warc|wet)(\.gz)?$/.test(file)
      ? rowParts(warcRows(bytesOf(file, progress), file), limit)
      : lineParts(linesOf(bytesOf(file, progress)), limit);
  let firstRow = 0;
  for await (const part of parts) {
    yield { file, firstRow, ...part };
    firstRow += part.numRows;
  }
}

type Part = Pick<ReadBlock, 'rows' | 'numRows'>;

/** Lines stay bytes; one beyond the limit of a line stands alone, as a row without text. */
async function* lineParts(lines: AsyncIterable<Line>, limit: number): AsyncGenerator<Part> {
  let part: Uint8Array[] = [];
  let numBytes = 0;
  let left = limit;
  const take = (): Part => {
    const numRows = part.length;
    const rows = new Uint8Array(numBytes + numRows).fill(LINE_FEED);
    let at = 0;
    for (const line of part) {
      rows.set(line, at);
      at += line.length + 1;
    }
    part = [];
    numBytes = 0;
    return { rows, numRows };
  };
  for await (const { bytes } of lines) {
    if (bytes) {
      part.push(bytes);
      numBytes += bytes.length;
    } else {
      if (part.length > 0) yield take();
      yield { rows: [undefined], numRows: 1 };
    }
    if (part.length >= BLOCK_ROWS || numBytes >= BLOCK_BYTES) yield take();
    if (--left <= 0) break;
  }
  if (part.length > 0) yield take();
}

async function* rowParts(rows: AsyncIterable<Row>, limit: number): AsyncGenerator<Part> {
  let part: Row[] = [];
  let numChars = 0;
  let left = limit;
  for await (const row of rows) {
    part.push(row);
    numChars += typeof row?.text === 'string' ? row.text.length : 0;
    if (part.length >= BLOCK_ROWS || numChars >= BLOCK_BYTES) {
      yield { rows: part, numRows: part.length };
      part = [];
      numChars = 0;
    }
    if (--left <= 0) break;
  }
  if (part.length > 0) yield { rows: part, numRows: part.length };
}

/** A few rows at a time: a row group may be larger than memory. */
async function* parquetRows(path: string, progress: ReadProgress): AsyncGenerator<Row> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch((error) => {
    throw new FormatError(`expected a parquet file, got ${(error as Error).message}`, { file: path });
  });
  const numRows = Number(metadata.num_rows);
  const compressors = {
    GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
    ZSTD: (bytes: Uint8Array) => unzstd(bytes),
  };
  for (let rowStart = 0; rowStart < numRows; rowStart += ROWS_AT_ONCE) {
    const rowEnd = Math.min(numRows, rowStart + ROWS_AT_ONCE);
    let rows: Record<string, unknown>[];
    try {
      rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors });
    } catch (error) {
      throw new FormatError(`expected rows ${rowStart} to ${rowEnd}, got ${(error as Error).message}`, {
        file: path,
      });
    }
    progress.bytes += Math.round((file.byteLength * rows.length) / numRows);
    yield* rows;
  }
}
