// Documents of a corpus on disk, one after the other: JSONL (also gzipped) and parquet have one in each row, any
// other file is one text, or several with a separator between them. Lines and row groups are read as they are
// needed, so a JSONL or parquet file may be of any size.

import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import { fileSource } from '../file-source.ts';

export interface CorpusOptions {
  /** Key of a JSONL line, or column of parquet, that holds the text; `text` unless told otherwise. */
  readonly column?: string;
  /** Ends a document within a plain file; without it, a plain file is one document. */
  readonly separator?: string;
  /** Told how many bytes of the file have been read, of how many. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
}

/** A plain file is one string; its limit is that of strings. */
const MAX_TEXT_BYTES = 2 ** 28;
/** Longest line of a JSONL file. */
const MAX_LINE_BYTES = 2 ** 26;
/** Rows of a parquet file that are decoded at once. */
export const ROWS_AT_ONCE = 1000;

/**
 * Texts of a file, in its order; empty ones are left out.
 *
 * @throws UnavailableError when the file cannot be read
 * @throws FormatError      with the line or row at fault
 */
export async function* corpusTexts(path: string, options: CorpusOptions = {}): AsyncGenerator<string> {
  const found = await stat(path).catch((cause: Error) => {
    throw new UnavailableError(`${path}: expected a file that can be read, got ${cause.message}`);
  });
  if (!found.isFile()) throw new UnavailableError(`${path}: expected a file, got a folder or something else`);
  const texts = /\.(jsonl|ndjson)(\.gz)?$/.test(path)
    ? jsonlTexts(path, found.size, options)
    : path.endsWith('.parquet')
      ? parquetTexts(path, found.size, options)
      : plainTexts(path, found.size, options);
  for await (const text of texts) if (text !== '') yield text;
}

async function* plainTexts(path: string, size: number, options: CorpusOptions): AsyncGenerator<string> {
  if (size > MAX_TEXT_BYTES) {
    throw new FormatError(
      `expected one text of at most ${MAX_TEXT_BYTES} bytes, got ${size}; cut it into JSONL`,
      {
        file: path,
      },
    );
  }
  const source = await fileSource(path);
  try {
    const bytes = await source.read(0, size);
    const plain = path.endsWith('.gz') ? zlib.gunzipSync(bytes, { maxOutputLength: MAX_TEXT_BYTES }) : bytes;
    const text = decoded(plain, path);
    yield* options.separator ? text.split(options.separator) : [text];
    options.onProgress?.(size, size);
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnavailableError) throw error;
    throw new FormatError(`expected gzip: ${(error as Error).message}`, { file: path });
  } finally {
    await source.close?.();
  }
}

async function* jsonlTexts(path: string, size: number, options: CorpusOptions): AsyncGenerator<string> {
  const { column = 'text', onProgress } = options;
  let number = 0;
  let done = 0;
  const onBytes = (count: number) => {
    done += count;
  };
  for await (const bytes of lines(path, onBytes)) {
    number++;
    const place = { file: path, field: `line ${number}` };
    const line = decoded(bytes, path, place.field).trim();
    if (line === '') continue;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch (error) {
      throw new FormatError(`expected JSON: ${(error as Error).message}`, place);
    }
    const isRecord = typeof record === 'object' && record !== null && Object.hasOwn(record, column);
    const text = isRecord ? (record as Record<string, unknown>)[column] : undefined;
    if (typeof text !== 'string') {
      throw new FormatError(
        `expected a text under "${column}", got ${typeof text}; --column names another`,
        place,
      );
    }
    yield text;
    if (number % 100 === 0) onProgress?.(done, size);
  }
  onProgress?.(size, size);
}

/** Lines without their line feed, as bytes. */
export async function* lines(
  path: string,
  onBytes: (count: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 2 ** 18 });
  file.on('data', (piece) => onBytes(piece.length));
  const stream = path.endsWith('.gz') ? file.pipe(zlib.createGunzip()) : file;
  let rest: Uint8Array[] = [];
  let restLength = 0;
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      let begin = 0;
      for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, begin)) {
        yield joined(rest, piece.subarray(begin, end));
        rest = [];
        restLength = 0;
        begin = end + 1;
      }
      rest.push(piece.subarray(begin));
      restLength += piece.length - begin;
      if (restLength > MAX_LINE_BYTES) {
        throw new FormatError(`expected lines of at most ${MAX_LINE_BYTES} bytes, got a longer one`, {
          file: path,
        });
      }
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`expected lines: ${(error as Error).message}`, { file: path });
  } finally {
    file.destroy();
  }
  if (restLength > 0) yield joined(rest, new Uint8Array(0));
}

function joined(rest: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  return rest.length === 0 ? last : Buffer.concat([...rest, last]);
}

/** Codecs of parquet that Node has (zstd from 22.15 on); snappy is hyparquet's own. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array };
export const compressors = {
  GZIP: (bytes: Uint8Array) => new Uint8Array(zlib.gunzipSync(bytes)),
  BROTLI: (bytes: Uint8Array) => new Uint8Array(zlib.brotliDecompressSync(bytes)),
  ...(zstdDecompressSync && { ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes)) }),
};

async function* parquetTexts(path: string, size: number, options: CorpusOptions): AsyncGenerator<string> {
  const { column = 'text', onProgress } = options;
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const handle = await open(path, 'r');
  const file = {
    byteLength: size,
    slice: async (begin: number, end = size) => {
      const bytes = new Uint8Array(Math.max(0, end - begin));
      await handle.read(bytes, 0, bytes.length, begin);
      return bytes.buffer;
    },
  };
  try {
    const metadata = await parquetMetadataAsync(file);
    const numRows = Number(metadata.num_rows);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    if (!columns.includes(column)) {
      const place = { file: path, field: column };
      throw new FormatError(`expected such a column, got ${columns.join(', ')}; use --column`, place);
    }
    for (let rowStart = 0; rowStart < numRows; rowStart += ROWS_AT_ONCE) {
      const rowEnd = Math.min(numRows, rowStart + ROWS_AT_ONCE);
      const rows = await parquetReadObjects({
        file,
        metadata,
        columns: [column],
        rowStart,
        rowEnd,
        compressors,
      });
      for (const [i, row] of rows.entries()) {
        const text: unknown = row[column];
        if (typeof text === 'string') yield text;
        else if (text !== null && text !== undefined) {
          const place = { file: path, field: `row ${rowStart + i}` };
          throw new FormatError(`expected a text under "${column}", got ${typeof text}`, place);
        }
      }
      onProgress?.((size * rowEnd) / numRows, size);
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`expected a parquet file: ${(error as Error).message}`, { file: path });
  } finally {
    await handle.close();
  }
}

/** UTF-8 without its byte order mark. */
export function decoded(bytes: Uint8Array, file: string, field?: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError('expected text in UTF-8', { file, ...(field ? { field } : {}) });
  }
}
