// The cache folder that the Python tools of the Hugging Face hub use, read and written in their layout:
//
//     models--owner--name/refs/main               the commit that main was at
//     models--owner--name/snapshots/COMMIT/FILE   a link to ../../blobs/HASH
//     models--owner--name/blobs/HASH              the bytes, named by sha256 (large files) or git's own hash

import { readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { makeFolderOf } from './write-file.ts';

/** Environment variables, as `process.env` gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of the hub's cache, by HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME or XDG_CACHE_HOME. */
export function hubCacheFolder(env: Environment): string {
  return env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(hubHome(env), 'hub');
}

function hubHome(env: Environment): string {
  return env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
}

/** The user's token, from HF_TOKEN or the file that `hf auth login` writes. */
export async function hubToken(env: Environment): Promise<string | undefined> {
  const fromFile = () => readFile(env.HF_TOKEN_PATH || join(hubHome(env), 'token'), 'utf8').catch(() => '');
  return (env.HF_TOKEN || (await fromFile())).trim() || undefined;
}

/** One repository in the cache. */
export class CachedRepo {
  readonly folder: string;

  constructor(env: Environment, repo: string) {
    this.folder = join(hubCacheFolder(env), `models--${repo.replaceAll('/', '--')}`);
  }

  /**
   * The snapshot of a branch, tag or commit, and the names of the files in it; undefined when there is none.
   */
  async snapshot(revision: string): Promise<{ folder: string; names: string[] } | undefined> {
    const ref = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => revision);
    const folder = join(this.folder, 'snapshots', ref.trim());
    const names: string[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      const isFile = await stat(join(folder, name)).then(
        (s) => s.isFile(),
        () => false,
      );
      if (isFile) names.push(name); // a link whose blob is gone is not a file
    }
    return names.length > 0 ? { folder, names } : undefined;
  }

  /** Where the bytes of a hash belong. */
  blobPath(hash: string): string {
    return join(this.folder, 'blobs', hash);
  }

  /** Where a file of a commit belongs. */
  snapshotPath(commit: string, name: string): string {
    return join(this.folder, 'snapshots', commit, name);
  }

  /**
   * Puts a downloaded blob into the snapshot of a commit; where links are not allowed, the blob itself moves.
   */
  async link(commit: string, name: string, hash: string): Promise<string> {
    const path = this.snapshotPath(commit, name);
    makeFolderOf(path);
    try {
      await symlink(relative(dirname(path), this.blobPath(hash)), path);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EPERM') await rename(this.blobPath(hash), path);
      else if (code !== 'EEXIST') throw cause;
    }
    return path;
  }

  /** Remembers which commit a branch or tag stands for. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = join(this.folder, 'refs', revision);
    makeFolderOf(path);
    await writeFile(`${path}.${process.pid}`, commit);
    await rename(`${path}.${process.pid}`, path);
  }
}
