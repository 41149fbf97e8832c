// The source files of a repository that lies in a folder, with where they come from and under which licence: what
// Stack-Edu's rows have (`repo`, `path`, `license`, `language`).

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { languageOf } from '../../data/code/languages.ts';
import { licenseOfText } from '../../data/code/license.ts';

export interface SourceDocument {
  readonly id: string;
  readonly text: string;
  readonly repo: string;
  readonly path: string;
  readonly language: string;
  /** SPDX name of the nearest licence file above the file. */
  readonly license?: string;
}

export interface SourceCounts {
  files: number;
  /** Not UTF-8, or larger than MAX_BYTES. */
  skipped: number;
}

/** Larger ones are data (StarCoder2's limit is on lines; this one keeps memory bounded). */
const MAX_BYTES = 1 << 20;
/** Folders that hold other people's files, or none that a person wrote. */
const OTHERS = new Set(['.git', 'node_modules', 'vendor', 'third_party', 'dist', 'build', '.venv', 'target']);
const LICENSE_FILE = /^(?:licen[cs]e|copying|unlicense)(?:[.-].*)?$/i;

/** In order of their paths; links are not followed. @param counts is added to */
export async function* sourceFiles(folder: string, counts: SourceCounts): AsyncGenerator<SourceDocument> {
  const repo = (await remoteOf(folder)) ?? basename(resolve(folder));
  yield* filesUnder(folder, '', repo, undefined, counts);
}

async function* filesUnder(
  root: string,
  under: string,
  repo: string,
  above: string | undefined,
  counts: SourceCounts,
): AsyncGenerator<SourceDocument> {
  const entries = await readdir(join(root, under), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const license =
    (await licenseIn(
      join(root, under),
      entries.filter((entry) => entry.isFile()),
    )) ?? above;
  for (const entry of entries) {
    const path = under === '' ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory() && !OTHERS.has(entry.name)) yield* filesUnder(root, path, repo, license, counts);
    const language = entry.isFile() ? languageOf(path) : undefined;
    if (language === undefined) continue;
    const text = await textOf(join(root, path));
    if (text === undefined) counts.skipped++;
    else {
      counts.files++;
      yield { id: `${repo}/${path}`, text, repo, path, language, ...(license !== undefined && { license }) };
    }
  }
}

async function textOf(path: string): Promise<string | undefined> {
  if ((await stat(path)).size > MAX_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

async function licenseIn(
  folder: string,
  files: readonly { readonly name: string }[],
): Promise<string | undefined> {
  for (const { name } of files) {
    if (!LICENSE_FILE.test(name)) continue;
    const license = licenseOfText((await textOf(join(folder, name))) ?? '');
    if (license !== undefined) return license;
  }
  return undefined;
}

/** `owner/name` or the address of the remote `origin`, without a name or password in it. */
async function remoteOf(folder: string): Promise<string | undefined> {
  const config = await readFile(join(folder, '.git', 'config'), 'utf8').catch(() => '');
  const url = /\[remote "origin"\][^[]*?\burl\s*=\s*(\S+)/.exec(config)?.[1];
  return url?.replace(/\.git$/, '').replace(/^(?:[a-z+]+:\/\/)?(?:[^@/]+@)?[^:/]+[:/]/, '');
}
