import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../dist/course/node/main.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'course-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

const learn = (...words: string[]) =>
  spawnSync(process.execPath, [main, ...words], { cwd: folder, encoding: 'utf8', timeout: 60_000 });

it('the package grades a JavaScript file, names a mistake, and speaks of its own program', {
  tags: ['slow'],
}, () => {
  expect(learn().stdout).toContain('Next: smollm2 learn loop');
  const begun = learn('rope', '--once');
  expect(begun.stdout).toContain('not finished yet');
  const solution = learn('rope', '--solution').stdout;
  const file = join(folder, 'exercises/rope.mjs');
  mkdirSync(join(folder, 'exercises'), { recursive: true });
  writeFileSync(file, solution);
  expect(learn('rope', '--once').status).toBe(0);
  const neighbours = (sign: string) =>
    `export function rope(head, pos, theta) {
       return head.map((x, i) => {
         const angle = pos * theta ** (-(i & ~1) / head.length);
         return x * Math.cos(angle) + (i & 1 ? head[i - 1] : -head[i + 1]) * ${sign}Math.sin(angle);
       });
     }`;
  writeFileSync(file, neighbours(''));
  const { mutant } = JSON.parse(learn('rope', '--once', '--json').stdout);
  expect(mutant).toBe('neighbours');
  // Help grows with the runs that make the same mistake; another one begins anew.
  const isFirst = (text: string) => !text.includes('yours:') && text.includes('the next run shows more');
  expect(isFirst(learn('rope', '--once').stdout)).toBe(false);
  writeFileSync(file, neighbours('-'));
  expect(isFirst(learn('rope', '--once').stdout)).toBe(true);
});
