// Writing token shards: documents arrive one by one, each shard grows under a temporary name and takes its own when
// its index, metadata and record are beside it. So a run that is killed leaves whole shards and a `.partial` file.

import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  encodeDocumentEnds,
  encodeTokens,
  type ShardHeader,
  shardMetadata,
  tokenBytesFor,
} from '../../train/token-shard.ts';
import { makeFolder, orDiskError, writeFileWhole, writeText } from '../write-file.ts';

export interface ShardWriterOptions {
  readonly folder: string;
  /** Begins the names of the shards. */
  readonly name: string;
  readonly vocabSize: number;
  readonly eosId: number;
  /** Name of the tokenizer, for whoever reads the folder. */
  readonly tokenizer: string;
  /** A shard that has reached this many tokens is closed. */
  readonly shardTokens: number;
}

export interface WrittenShards {
  readonly shards: number;
  readonly documents: number;
  readonly tokens: number;
  readonly textBytes: number;
}

/** Bytes kept in memory before they are written. */
const BUFFER_BYTES = 2 ** 20;

export class ShardWriter {
  private readonly options: ShardWriterOptions;
  private shard: OpenShard | undefined;
  private written: WrittenShards = { shards: 0, documents: 0, tokens: 0, textBytes: 0 };

  private constructor(options: ShardWriterOptions) {
    this.options = options;
  }

  /** @throws RangeError when the folder has shards already: which of them belong together could not be told */
  static async open(options: ShardWriterOptions): Promise<ShardWriter> {
    makeFolder(options.folder);
    const taken = (await readdir(options.folder)).find((name) => name.endsWith('.ds'));
    if (taken) throw new RangeError(`${options.folder}: expected a folder without shards, got ${taken}`);
    return new ShardWriter(options);
  }

  /** Adds a document, without its end; `textBytes` is its length in UTF-8. */
  async add(ids: readonly number[], textBytes: number): Promise<void> {
    this.shard ??= await this.start();
    await this.shard.add([...ids, this.options.eosId], textBytes);
    const { documents, tokens, textBytes: bytes, shards } = this.written;
    this.written = {
      shards,
      documents: documents + 1,
      tokens: tokens + ids.length + 1,
      textBytes: bytes + textBytes,
    };
    if (this.shard.tokens >= this.options.shardTokens) await this.finish();
  }

  /** Closes the last shard. */
  async close(): Promise<WrittenShards> {
    if (this.shard) await this.finish();
    return this.written;
  }

  /** Takes away the shard that is not finished. */
  async abort(): Promise<void> {
    await this.shard?.abort();
    this.shard = undefined;
  }

  private async start(): Promise<OpenShard> {
    const number = String(this.written.shards).padStart(5, '0');
    const path = join(this.options.folder, `${this.options.name}-${number}.ds`);
    return new OpenShard(path, await open(`${path}.partial`, 'w').catch(orDiskError(path)), this.options);
  }

  private async finish(): Promise<void> {
    await this.shard!.finish();
    this.shard = undefined;
    this.written = { ...this.written, shards: this.written.shards + 1 };
  }
}

class OpenShard {
  tokens = 0;
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly options: ShardWriterOptions;
  private readonly hash = createHash('sha256');
  private readonly ends: number[] = [];
  private buffered: Uint8Array[] = [];
  private bufferedBytes = 0;
  private textBytes = 0;

  constructor(path: string, file: FileHandle, options: ShardWriterOptions) {
    this.path = path;
    this.file = file;
    this.options = options;
  }

  async add(ids: readonly number[], textBytes: number): Promise<void> {
    const bytes = encodeTokens(ids, tokenBytesFor(this.options.vocabSize));
    this.hash.update(bytes);
    this.buffered.push(bytes);
    this.bufferedBytes += bytes.length;
    this.tokens += ids.length;
    this.textBytes += textBytes;
    this.ends.push(this.tokens);
    if (this.bufferedBytes >= BUFFER_BYTES) await this.flush();
  }

  async finish(): Promise<void> {
    const { path, options, tokens } = this;
    await this.flush();
    await this.file.sync();
    await this.file.close();
    const tokenBytes = tokenBytesFor(options.vocabSize);
    const header: ShardHeader = {
      version: 1,
      tokens,
      token_bytes: tokenBytes,
      documents: this.ends.length,
      text_bytes: this.textBytes,
      vocab_size: options.vocabSize,
      eos_id: options.eosId,
      tokenizer: options.tokenizer,
      sha256: this.hash.digest('hex'),
    };
    await writeFileWhole(`${path}.index`, [encodeDocumentEnds(this.ends)]);
    await writeText(`${path}.metadata`, shardMetadata(options.tokenizer, tokenBytes, tokens));
    await writeText(`${path}.header.json`, `${JSON.stringify(header, null, 1)}\n`);
    await rename(`${path}.partial`, path);
  }

  async abort(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await rm(`${this.path}.partial`, { force: true });
  }

  private async flush(): Promise<void> {
    await this.file.writeFile(Buffer.concat(this.buffered)).catch(orDiskError(this.path));
    this.buffered = [];
    this.bufferedBytes = 0;
  }
}
