// Token shards on disk: a folder of `X.ds` with their index, metadata and our record; see src/train/token-shard.ts.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import {
  parseShardHeader,
  parseShardMetadata,
  type ShardHeader,
  type TokenBytes,
  type TokenFolder,
  type TokenShard,
  tokenBytesFor,
} from '../../train/token-shard.ts';
import { fileSource } from '../file-source.ts';
import type { Progress } from './open-run.ts';

export interface TokenFolderOptions {
  /** Of the model: tells the size of a token where no record and no metadata do. */
  readonly vocabSize: number;
  /** Of a recipe; refused where a shard's own record or metadata say otherwise. */
  readonly tokenBytes?: TokenBytes;
  /** Compare every shard with the hash in its record; true unless told otherwise. */
  readonly verify?: boolean;
  /** Told of shards without a record, which cannot be verified. */
  readonly onNote?: (text: string) => void;
  /** Told of bytes that were compared. */
  readonly onProgress?: Progress;
}

/** An open folder; `close` releases its files. */
export interface OpenTokenFolder extends TokenFolder {
  close(): Promise<void>;
}

/**
 * Opens every `*.ds` of a folder, in the order of their names.
 *
 * @throws UnavailableError when there is none
 * @throws FormatError      when a shard is not as long as its metadata say, or has changed since it was written
 */
export async function openTokenFolder(folder: string, options: TokenFolderOptions): Promise<OpenTokenFolder> {
  const names = await readdir(folder).catch((cause: Error) => {
    throw new UnavailableError(`${folder}: expected a folder of token shards, got ${cause.message}`);
  });
  const shardNames = names.filter((name) => name.endsWith('.ds')).sort();
  if (shardNames.length === 0) {
    throw new UnavailableError(
      `${folder}: expected token shards (*.ds), got none; make them with smollm2 tokenize-corpus`,
    );
  }
  const shards: TokenShard[] = [];
  const close = async () => {
    for (const { source } of shards) await source.close?.();
  };
  try {
    for (const name of shardNames) shards.push(await openShard(folder, name, options));
  } catch (error) {
    await close();
    throw error;
  }
  return { name: folder, shards, close };
}

async function openShard(folder: string, name: string, options: TokenFolderOptions): Promise<TokenShard> {
  const path = join(folder, name);
  const header = await readHeader(`${path}.header.json`);
  const metadata = await readMetadata(`${path}.metadata`);
  const own = header?.token_bytes ?? metadata?.tokenBytes;
  const tokenBytes: TokenBytes = own ?? options.tokenBytes ?? tokenBytesFor(options.vocabSize);
  if (options.tokenBytes !== undefined && options.tokenBytes !== tokenBytes) {
    throw new FormatError(
      `expected ids of ${options.tokenBytes} bytes (token_size_in_bytes), got ${tokenBytes}`,
      {
        file: path,
      },
    );
  }
  const source = await fileSource(path);
  try {
    const numTokens = source.size / tokenBytes;
    const expected = header?.tokens ?? metadata?.numTokens ?? Math.floor(numTokens);
    if (numTokens !== expected) {
      throw new FormatError(
        `expected ${expected} tokens of ${tokenBytes} bytes, got ${source.size} bytes; was it cut off?`,
        { file: path },
      );
    }
    if (header && header.vocab_size > options.vocabSize) {
      throw new FormatError(
        `expected a vocabulary of ${options.vocabSize}, got ${header.vocab_size} (${header.tokenizer})`,
        { file: `${path}.header.json`, field: 'vocab_size' },
      );
    }
    if (header && options.verify !== false) await checkHash(path, header, source.size, options.onProgress);
    if (!header)
      options.onNote?.(`${path}: no record beside it, so it cannot be told whether it has changed`);
    return { name, source, tokenBytes, numTokens, ...(header ? { header } : {}) };
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function checkHash(
  path: string,
  header: ShardHeader,
  size: number,
  onProgress?: Progress,
): Promise<void> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(piece as Uint8Array);
    done += (piece as Uint8Array).length;
    onProgress?.(`checking ${path}`, done, size, 'MB');
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== header.sha256) {
    throw new FormatError(
      `expected sha256 ${header.sha256}, got ${sha256}: the shard has changed since it was written; ` +
        'make it again with smollm2 tokenize-corpus',
      { file: path },
    );
  }
}

async function readHeader(path: string): Promise<ShardHeader | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return parseShardHeader(JSON.parse(text), path);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file: path });
  }
}

async function readMetadata(path: string) {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseShardMetadata(text, path);
}
