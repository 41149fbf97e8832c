// Where evaluation rows come from on a machine with files: a folder laid out like the local names of the data
// sets, or the parquet files of the Hugging Face hub, kept in the hub's cache folder under their hashes.

import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import {
  type Dataset,
  type HubDataset,
  MAX_FILE_BYTES,
  parseRows,
  Row,
  type RowSource,
} from '../../eval/rows.ts';
import { fetchFile } from '../fetch-file.ts';
import { isAt } from '../hub.ts';
import { type Environment, hubCacheFolder, hubToken } from '../hub-cache.ts';
import { dist } from '../platform.ts';
import { proxyFetch } from '../proxy-fetch.ts';
import { makeFolder } from '../write-file.ts';

/** Rows of files in a folder. */
export class FolderRows implements RowSource {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async rows(dataset: Dataset): Promise<readonly Row[]> {
    const path = join(this.folder, dataset.file);
    const size = await stat(path).then(
      (found) => found.size,
      () => {
        throw new UnavailableError(`${dataset.file}: expected in ${this.folder}, not found; check --data`);
      },
    );
    if (size > MAX_FILE_BYTES) {
      throw new FormatError(`expected at most ${MAX_FILE_BYTES} bytes, got ${size}`, { file: path });
    }
    return parseRows(dataset.file, textOf(await readFile(path), dataset.file));
  }
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    const plain = file.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES }) : bytes;
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch (error) {
    throw new FormatError(`expected UTF-8 text: ${(error as Error).message}`, { file });
  }
}

export interface HubRowsOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal;
  readonly onNote?: (text: string) => void;
}

/** A parquet file of a split, and the hash that the hub gives for it. */
interface SplitFile {
  readonly path: string;
  readonly sha256: string;
}

/** The branch in which the hub keeps every data set as parquet, whatever its own files are. */
const BRANCH = 'refs/convert/parquet';
/** The largest split of a benchmark takes seconds. */
const PARQUET_MS = 120_000;
const PARQUET_MB = 2048;
/** Time for the hub to answer what files a split has. */
const REACH_MS = 6000;

/** Rows of the hub's data sets. Files are fetched once; their hash is checked then and at every later use. */
export class HubRows implements RowSource {
  private readonly options: HubRowsOptions;

  constructor(options: HubRowsOptions) {
    this.options = options;
  }

  async rows(dataset: Dataset): Promise<readonly Row[]> {
    const { hub, file } = dataset;
    if (!hub) throw new UnavailableError(`${file}: expected a local file, it is not on the hub; use --data`);
    const records: Record<string, unknown>[] = [];
    for (const path of await this.files(hub)) records.push(...(await parquetRecords(path)));
    return records.map((record, index) => new Row(`${hub.repo}/${hub.config}/${hub.split}`, index, record));
  }

  /** Local paths of a split's files. The list of the last answer is used when the hub cannot be reached. */
  private async files(hub: HubDataset): Promise<string[]> {
    const { env, signal, onNote } = this.options;
    const folder = join(hubCacheFolder(env), 'smollm2-eval', ...hub.repo.split('/'), hub.config, hub.split);
    const { HUB_URL } = await import('@huggingface/hub');
    const endpoint = (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, '');
    const token = await hubToken(env);
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const files = await this.listed(hub, folder, endpoint, headers);
    const paths: string[] = [];
    for (const { path, sha256 } of files) {
      const target = join(folder, `${sha256}.parquet`);
      if ((await sha256Of(target)) !== sha256) {
        onNote?.(`fetching ${path} of ${hub.repo}`);
        const address = `${endpoint}/datasets/${hub.repo}/resolve/${encodeURIComponent(BRANCH)}/${path}`;
        await fetchFile(address, target, { sha256, headers, signal, env });
      }
      paths.push(target);
    }
    return paths;
  }

  /** The hub's list of files, kept beside them; without the hub, the list that was kept. */
  private async listed(
    hub: HubDataset,
    folder: string,
    endpoint: string,
    headers: Record<string, string>,
  ): Promise<SplitFile[]> {
    const kept = join(folder, 'files.json');
    try {
      const files = await this.list(hub, endpoint, headers);
      makeFolder(folder);
      await writeFile(kept, JSON.stringify(files));
      return files;
    } catch (error) {
      const text = await readFile(kept, 'utf8').catch(() => '');
      if (!(error instanceof UnavailableError) || !isFileList(text)) throw error;
      this.options.onNote?.(`${error.message}; the rows fetched earlier are used`);
      return JSON.parse(text);
    }
  }

  private async list(hub: HubDataset, hubUrl: string, headers: Record<string, string>): Promise<SplitFile[]> {
    const { listFiles } = await import('@huggingface/hub');
    const timeout = AbortSignal.timeout(REACH_MS);
    const { signal } = this.options;
    const within = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const through = await proxyFetch(this.options.env);
    const reach: typeof fetch = (input, init) =>
      through(input, {
        ...init,
        signal: within,
        headers: { ...(init?.headers as object), ...(isAt(hubUrl, input) ? headers : {}) },
      });
    const repo = { type: 'dataset', name: hub.repo } as const;
    const path = `${hub.config}/${hub.split}`;
    const files: SplitFile[] = [];
    try {
      for await (const entry of listFiles({ repo, revision: BRANCH, path, hubUrl, fetch: reach })) {
        const sha256 = entry.lfs?.oid;
        if (entry.type === 'file' && /^[0-9a-f]{64}$/.test(sha256 ?? '') && entry.path.endsWith('.parquet')) {
          files.push({ path: entry.path, sha256: sha256! });
        }
      }
    } catch (cause) {
      signal?.throwIfAborted();
      const { name, message, cause: inner } = cause as Error;
      const said = inner instanceof Error ? inner.message : message;
      const reason = name === 'TimeoutError' ? 'no answer in time' : said;
      throw new UnavailableError(`${hub.repo} ${path} on ${hubUrl}: ${reason}; use --data with local files`);
    }
    if (files.length === 0) {
      throw new UnavailableError(`${hub.repo}: expected parquet files of ${path} on ${hubUrl}, got none`);
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** Whether a kept list is one: names and hashes, nothing that could lead out of the folder. */
function isFileList(text: string): boolean {
  return /^\[(\{"path":"[^"\\]+","sha256":"[0-9a-f]{64}"\},?)+\]$/.test(text);
}

async function sha256Of(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes && createHash('sha256').update(bytes).digest('hex');
}

/** Rows of a parquet file; one that is still being decoded at the limits is refused. */
export function parquetRecords(path: string, limitMs = PARQUET_MS): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('node/eval/parquet-worker.js', dist), {
      workerData: path,
      resourceLimits: { maxOldGenerationSizeMb: PARQUET_MB },
    });
    const refuse = (problem: string) => {
      clearTimeout(clock);
      void worker.terminate();
      reject(new FormatError(`expected a parquet file: ${problem.slice(0, 200)}`, { file: path }));
    };
    const clock = setTimeout(() => refuse(`not decoded within ${limitMs / 1000} s`), limitMs);
    worker.on('message', (records: Record<string, unknown>[]) => {
      clearTimeout(clock);
      resolve(records);
    });
    worker.on('error', (error: Error) => refuse(error.message));
    worker.on('exit', (code) => refuse(`the decoder ended with exit code ${code}`));
  });
}
