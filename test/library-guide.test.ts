import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Session } from '../src/generate/session.ts';
import * as door from '../src/node/index.ts';
import { snippets } from './support/snippets.ts';

const GUIDE = 'docs/guides/library.md';
const root = fileURLToPath(new URL('..', import.meta.url));
const blocks = snippets();
const codeOf = (page: string) =>
  blocks.filter(({ place }) => place.startsWith(`${page}:`)).map((block) => block.code);
const isIn = (name: string, code: string) => new RegExp(`\\b${name}\\b`).test(code);

/** Public methods: those that TypeScript keeps private are said here, since JavaScript does not know them. */
const PRIVATE = ['constructor', 'generateForm', 'chatTemplate', 'checkOpen'];
const methodsOf = (own: object) => Object.getOwnPropertyNames(own).filter((name) => !PRIVATE.includes(name));

it('docs/guides/library.md runs every function and class of the main door, and every method of what it gives', () => {
  const code = codeOf(GUIDE).join('\n');
  const names = [...Object.keys(door), ...methodsOf(door.SmolLM2.prototype), ...methodsOf(Session.prototype)];
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !isIn(name, code))).toEqual([]);
});

describe('the other doors', () => {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const doors = Object.entries<{ default?: string }>(exports)
    .filter(([name, { default: path }]) => name !== '.' && path?.endsWith('.js'))
    .map(([name]) => name.replace('.', 'smollm2'));
  const rows = readFileSync(root + GUIDE, 'utf8').matchAll(/^\| `(smollm2\/[a-z2/-]+)` \|.*$/gm);
  const pagesOf = new Map(
    [...rows].map(([row, name]) => [
      name,
      [...row.matchAll(/\]\(([^)#]+)/g)].map(([, link]) => posix.join(posix.dirname(GUIDE), link)),
    ]),
  );

  it('are all in the guide, with pages that exist', () => {
    expect(doors.length).toBeGreaterThan(10);
    expect([...pagesOf.keys()].sort()).toEqual([...doors].sort());
    expect([...pagesOf.values()].flat().filter((page) => !existsSync(root + page))).toEqual([]);
  });

  it('have every function and class in a block of the pages that the guide names', { tags: ['slow'] }, () => {
    // As a program that has the package finds them.
    const program = `for (const door of ${JSON.stringify(doors)}) console.log(door, ...Object.keys(await import(door)))`;
    const flags = ['--input-type=module', '--eval', program];
    const lines = execFileSync(process.execPath, flags, { cwd: root, encoding: 'utf8' }).trim().split('\n');
    const missing = lines.flatMap((line) => {
      const [name, ...values] = line.split(' ');
      expect(values, name).not.toEqual([]);
      const own = (pagesOf.get(name) ?? []).flatMap(codeOf).filter((code) => code.includes(`from '${name}'`));
      return values.filter((value) => !isIn(value, own.join('\n'))).map((value) => `${name}: ${value}`);
    });
    expect(lines.length).toBe(doors.length);
    expect(missing).toEqual([]);
  });
});
