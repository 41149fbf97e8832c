// The code blocks of the documents as programs: extracted, stripped of types, run by Node against dist/.

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Snippet {
  /** `docs/walk.md:31`, the line at which the block begins. */
  readonly place: string;
  readonly code: string;
  /** Marked `ts slow` in the document: needs the real weights. */
  readonly slow: boolean;
}

/** Every `ts` block of README.md, docs/ and examples/. */
export function snippets(): Snippet[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
    .map((file) => join('docs', file));
  return ['README.md', ...docs].flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(/^```ts( slow)?\n([\s\S]*?)^```/gm)].map((match) => ({
      place: `${file}:${text.slice(0, match.index).split('\n').length}`,
      code: match[2],
      slow: match[1] !== undefined,
    }));
  });
}

/** Runs one block in a process of its own; rejects with what it printed when it fails. */
export async function run(snippet: Snippet): Promise<string> {
  const folder = join(root, 'dist', 'snippets');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${snippet.place.replace(/[^a-z0-9]+/gi, '-')}.mjs`);
  const { outputText } = ts.transpileModule(snippet.code, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  writeFileSync(path, outputText);
  const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: root, timeout: 300_000 });
  return stdout;
}
