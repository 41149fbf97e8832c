// Which files a glob names: `pages/*.jsonl.gz`, `crawl/**/[0-9]*.warc.gz`, a folder, or `-` for stdin. Sorted by name,
// so that every rank and every run numbers them alike.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UnavailableError } from '../../base/errors.ts';

const READABLE = /\.(jsonl|ndjson|json)(\.gz|\.zst)?$|\.parquet$|\.(warc|wet)(\.gz)?$/;

/** @throws UnavailableError when nothing is there */
export async function inputFiles(patterns: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = pattern === '-' ? ['-'] : await filesOf(pattern);
    if (found.length === 0) {
      throw new UnavailableError(
        `${pattern}: expected a file, a folder or a glob that matches some, got none`,
      );
    }
    for (const file of found) files.add(file);
  }
  return [...files].sort();
}

async function filesOf(pattern: string): Promise<string[]> {
  const found = await stat(pattern).catch(() => undefined);
  if (found?.isFile()) return [pattern];
  if (found?.isDirectory()) return (await filesUnder(pattern)).filter((file) => READABLE.test(file));
  const magic = pattern.search(/[*?[{]/);
  if (magic < 0) return [];
  const base = pattern.slice(0, pattern.lastIndexOf('/', magic) + 1);
  const matches = globPattern(pattern);
  return (await filesUnder(base || '.'))
    .map((file) => (base ? file : file.replace(/^\.\//, '')))
    .filter((file) => matches.test(file));
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** `**` crosses folders, `*` and `?` do not; `[a-c]` and `{a,b}` choose. */
export function globPattern(glob: string): RegExp {
  const normal = glob.replace(/^\.\//, '');
  const source = normal.replace(/\*\*\/|\*\*|\*|\?|\[!?[^\]]*\]|\{[^}]*\}|[\\^$+.()|{}[\]]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.length > 2 && part[0] === '[')
      return `[${part.slice(1, -1).replace(/^!/, '^').replace(/\\/g, '\\\\')}]`;
    if (part.length > 2 && part[0] === '{') {
      return `(?:${part
        .slice(1, -1)
        .split(',')
        .map((text) => text.replace(/[\\^$+.()|*?]/g, '\\$&'))
        .join('|')})`;
    }
    return `\\${part}`;
  });
  return new RegExp(`^(?:\\./)?${source}$`);
}
