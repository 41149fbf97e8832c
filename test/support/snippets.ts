// The code blocks of the documents as programs: extracted, stripped of types, run by Node against dist/.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const { stdout } = await started([writeModule(snippet)]);
  return stdout;
}

/** Runs blocks one after the other in one process: what each failed with, by its place; undefined where it did not. */
export async function runTogether(snippets: readonly Snippet[]): Promise<Map<string, string | undefined>> {
  const report = join(folder, 'together.jsonl');
  const driver = join(folder, 'together.mjs');
  rmSync(report, { force: true });
  const paths = snippets.map(writeModule);
  writeFileSync(driver, DRIVER);
  await started([driver, report, ...paths]).catch(() => undefined); // a block that ended the process has no line
  const lines = existsSync(report) ? readFileSync(report, 'utf8').trim().split('\n') : [];
  const errors = new Map<string, string | undefined>(
    lines.map((line) => JSON.parse(line)).map(({ path, error }) => [path, error]),
  );
  return new Map(
    snippets.map(({ place }, n) => [
      place,
      errors.has(paths[n]) ? errors.get(paths[n]) : 'ended the process',
    ]),
  );
}

const DRIVER = `import { appendFileSync } from 'node:fs';
const [report, ...paths] = process.argv.slice(2);
for (const path of paths) {
  const error = await import(path).then(() => undefined, (thrown) => String(thrown?.stack ?? thrown));
  appendFileSync(report, JSON.stringify({ path, error }) + '\\n');
}
process.exit();
`;

const folder = join(root, 'dist', 'snippets');

/** The block as JavaScript. */
function writeModule(snippet: Snippet): string {
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
  return path;
}

function started(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, args, { cwd: root, timeout: 300_000 });
}
