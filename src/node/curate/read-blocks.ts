// Blocks of documents from a file of any format that we read. A block is large enough to be worth a thread's while
// and small enough that a few of them never matter.

import { gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { FormatError } from '../../base/errors.ts';
import type { Block } from '../../data/pipeline/block.ts';
import { decodeUtf8, linesOf } from './lines.ts';
import { bytesOf, type ReadProgress } from './streams.ts';
import { warcRows } from './warc.ts';

const BLOCK_ROWS = 256;
/** A block of long lines is shorter. */
const BLOCK_BYTES = 1 << 20;
const ROWS_AT_ONCE = 1024;

/**
 * @param limit rows at most
 * @throws FormatError, UnavailableError for a file that cannot be read; what came before it has been yielded
 */
export async function* readBlocks(
  file: string,
  limit: number,
  progress: ReadProgress,
): AsyncGenerator<Block> {
  const rows = /\.parquet$/.test(file)
    ? parquetRows(file, progress)
    : /\.(warc|wet)(\.gz)?$/.test(file)
      ? warcFileRows(file, progress)
      : jsonRows(file, progress);
  let block: { row: Block['rows'][number]; numBytes: number; isRepaired: boolean }[] = [];
  let numBytes = 0;
  let firstRow = 0;
  const take = (): Block => {
    const taken = block;
    const begin = firstRow;
    firstRow += taken.length;
    block = [];
    numBytes = 0;
    const numRepaired = taken.filter(({ isRepaired }) => isRepaired).length;
    return { file, firstRow: begin, rows: taken.map(({ row }) => row), numRepaired };
  };
  if (limit <= 0) return;
  for await (const row of rows) {
    block.push(row);
    numBytes += row.numBytes;
    const isLast = firstRow + block.length >= limit;
    if (isLast || block.length >= BLOCK_ROWS || numBytes >= BLOCK_BYTES) yield take();
    if (isLast) return;
  }
  if (block.length > 0) yield take();
}

interface ReadRow {
  readonly row: Block['rows'][number];
  readonly numBytes: number;
  readonly isRepaired: boolean;
}

async function* jsonRows(file: string, progress: ReadProgress): AsyncGenerator<ReadRow> {
  let isFirst = true;
  for await (const { bytes, numBytes } of linesOf(bytesOf(file, progress))) {
    const decoded = bytes && decodeUtf8(bytes);
    const row = isFirst ? decoded?.text.replace(/^\ufeff/, '') : decoded?.text;
    isFirst = false;
    yield { row, numBytes, isRepaired: decoded?.isRepaired ?? false };
  }
}

async function* warcFileRows(file: string, progress: ReadProgress): AsyncGenerator<ReadRow> {
  for await (const row of warcRows(bytesOf(file, progress), file)) {
    yield { row: row && { ...row }, numBytes: row?.text.length ?? 0, isRepaired: false };
  }
}

/** A few rows at a time: a row group may be larger than memory. */
async function* parquetRows(path: string, progress: ReadProgress): AsyncGenerator<ReadRow> {
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
    for (const row of rows) {
      const text = typeof row.text === 'string' ? row.text.length : 0;
      yield { row, numBytes: text, isRepaired: false };
    }
  }
}
