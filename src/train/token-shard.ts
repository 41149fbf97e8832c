// Token shards as datatrove writes and nanotron reads them: `X.ds` (ids as little-endian numbers of two or four
// bytes), `X.ds.index` (where each document ends, counted in tokens, as 64-bit numbers) and `X.ds.metadata` (text:
// tokenizer and size of a token, number of tokens). Beside them stands a record of ours, `X.ds.header.json`,
// which other readers do not look at: counts and the sha256 of the ids, so that a changed shard is noticed.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Source } from '../format/source.ts';

/** Bytes of one token: two for vocabularies up to 65,536 ids. */
export type TokenBytes = 2 | 4;

/** What our record says about a shard. */
export interface ShardHeader {
  readonly version: 1;
  readonly tokens: number;
  readonly token_bytes: TokenBytes;
  readonly documents: number;
  /** UTF-8 bytes of the text, for bits per byte. */
  readonly text_bytes: number;
  readonly vocab_size: number;
  /** The id that ends every document. */
  readonly eos_id: number;
  readonly tokenizer: string;
  /** sha256 of `X.ds`, lower-case hex. */
  readonly sha256: string;
}

export interface TokenShard {
  /** File name, `X.ds`. */
  readonly name: string;
  readonly source: Source;
  readonly tokenBytes: TokenBytes;
  readonly numTokens: number;
  /** Absent beside shards of other programs. */
  readonly header?: ShardHeader;
}

/** The shards of one data set, by name. */
export interface TokenFolder {
  readonly name: string;
  readonly shards: readonly TokenShard[];
}

/** The shorter size that holds every id. */
export function tokenBytesFor(vocabSize: number): TokenBytes {
  return vocabSize <= 2 ** 16 ? 2 : 4;
}

/**
 * Ids [begin, begin + count) of a shard.
 *
 * @throws FormatError for an id of vocabSize or more, with its place in the file
 */
export async function readTokens(
  shard: TokenShard,
  begin: number,
  count: number,
  vocabSize: number,
): Promise<Int32Array> {
  const { source, tokenBytes } = shard;
  const bytes = await source.read(begin * tokenBytes, count * tokenBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ids = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const id = tokenBytes === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true);
    if (id >= vocabSize) {
      throw new FormatError(`expected ids below ${vocabSize}, got ${id}; was another tokenizer used?`, {
        file: source.name,
        offset: (begin + i) * tokenBytes,
      });
    }
    ids[i] = id;
  }
  return ids;
}

/** Ids as a shard stores them. */
export function encodeTokens(ids: ArrayLike<number>, tokenBytes: TokenBytes): Uint8Array {
  const view = new DataView(new ArrayBuffer(ids.length * tokenBytes));
  for (let i = 0; i < ids.length; i++) {
    if (tokenBytes === 2) view.setUint16(2 * i, ids[i], true);
    else view.setUint32(4 * i, ids[i], true);
  }
  return new Uint8Array(view.buffer);
}

/** `X.ds.index`: ends of documents in tokens. */
export function encodeDocumentEnds(ends: readonly number[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(ends, BigInt).buffer);
}

/** `X.ds.metadata`. */
export function shardMetadata(tokenizer: string, tokenBytes: TokenBytes, numTokens: number): string {
  return `${tokenizer}|${tokenBytes}\n${numTokens}\n${inMetricTokens(numTokens)}`;
}

/** Three digits and a prefix: 1.20 GT, as datatrove leaves it for people. */
function inMetricTokens(count: number): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];
  let value = count;
  let power = 0;
  while (value >= 1000 && power + 1 < prefixes.length) {
    value /= 1000;
    power++;
  }
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${prefixes[power]}T`;
}

/** What `X.ds.metadata` says: `tokenizer|2` or a bare tokenizer, then the number of tokens. */
export function parseShardMetadata(
  text: string,
  file: string,
): { tokenBytes?: TokenBytes; numTokens: number } {
  const [first = '', second = ''] = text.split('\n').map((line) => line.trim());
  const size = first.includes('|') ? first.slice(first.lastIndexOf('|') + 1) : undefined;
  if (size !== undefined && size !== '2' && size !== '4') {
    throw new FormatError(`expected tokens of 2 or 4 bytes, got ${JSON.stringify(size.slice(0, 40))}`, {
      file,
    });
  }
  if (!/^\d{1,15}$/.test(second)) {
    throw new FormatError(
      `expected a number of tokens in line 2, got ${JSON.stringify(second.slice(0, 40))}`,
      {
        file,
      },
    );
  }
  const numTokens = Number(second);
  return size === undefined ? { numTokens } : { tokenBytes: size === '2' ? 2 : 4, numTokens };
}

/** Checks our record as it was parsed from JSON. */
export function parseShardHeader(value: unknown, file: string): ShardHeader {
  const header = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const refuse = (field: string, expected: string): never => {
    throw new FormatError(`expected ${expected}, got ${shown(header[field])}`, {
      file,
      field,
    });
  };
  if (header.version !== 1) refuse('version', '1');
  for (const field of ['tokens', 'documents', 'text_bytes', 'vocab_size', 'eos_id']) {
    const value = header[field];
    if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(field, 'a whole number');
  }
  if (header.token_bytes !== 2 && header.token_bytes !== 4) refuse('token_bytes', '2 or 4');
  if (typeof header.tokenizer !== 'string') refuse('tokenizer', 'a name');
  if (typeof header.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(header.sha256))
    refuse('sha256', 'a sha256');
  return value as ShardHeader;
}
