import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exerciseNamed } from '../../course/index.ts';
import { gradeFile } from '../../course/node/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'course-'));
afterAll(() => rmSync(folder, { recursive: true }));

const swiglu = (body: string) => `export function swiglu(gate: number[], up: number[]) { ${body} }`;

/** What a learner's file may do, and how it is answered. */
const FILES = [
  { name: 'an endless loop', code: swiglu('for (;;);'), state: 'slow', message: /every loop end/ },
  { name: 'an endless loop at the top', code: 'for (;;);', state: 'slow', message: /every loop end/ },
  {
    name: 'process.exit',
    code: swiglu('process.exit(0);'),
    state: 'ended',
    message: /ended its own program/,
  },
  { name: 'a throw', code: swiglu('throw new Error("no idea");'), state: 'threw', message: /no idea/ },
  {
    name: 'no such function',
    code: 'export const swigloo = 1;',
    state: 'threw',
    message: /export function swiglu/,
  },
  { name: 'a syntax error', code: 'const a = 1; const a = 2;', state: 'threw', message: /cannot be read/ },
  { name: 'NaN', code: swiglu('return gate.map(() => NaN);'), state: 'nan', message: /NaN/ },
  { name: 'undefined', code: swiglu('return undefined;'), state: 'shape', message: /does every path return/ },
  { name: 'holes', code: swiglu('return new Array(gate.length);'), state: 'shape', message: /undefined/ },
  {
    name: 'a wrong length',
    code: swiglu('return [1, 2];'),
    state: 'shape',
    message: /expected numbers of shape 3, got numbers of shape 2/,
  },
  {
    name: 'a promise',
    code: `async ${swiglu('return gate;')}`.replace('async export', 'export async'),
    state: 'shape',
    message: /must not be async/,
  },
  {
    name: 'a changed input',
    code: swiglu('gate.forEach((z, i) => (gate[i] = (z / (1 + Math.exp(-z))) * up[i])); return gate;'),
    state: 'changed-its-input',
    message: /work on a copy/,
  },
  {
    name: 'too much memory',
    code: swiglu('const a = []; for (;;) a.push(new Array(1e5).fill(1.5));'),
    state: /ended|slow/,
    message: /./,
  },
  {
    name: 'wrong numbers',
    code: swiglu('return gate.map((z, i) => 3 * z + i);'),
    state: 'wrong',
    message: /no mistake that is known/,
  },
];

it.each(FILES)('answers $name by a verdict of its own', async ({ name, code, state, message }) => {
  const path = join(folder, `${name.replaceAll(/\W/g, '-')}.ts`);
  writeFileSync(path, code);
  const { verdict } = await gradeFile(exerciseNamed('swiglu'), path);
  expect(verdict.state).toMatch(state);
  expect(verdict.message).toMatch(message);
  expect(verdict.mutant).toBeUndefined();
});

it('keeps fifty of a million printed lines', async () => {
  const path = join(folder, 'print.ts');
  writeFileSync(path, swiglu('for (let i = 0; i < 250_000; i++) console.log("line", i); return [0];'));
  const { verdict, lines } = await gradeFile(exerciseNamed('swiglu'), path);
  expect(verdict.state).toBe('shape');
  expect(lines.length).toBe(50);
  expect(lines[49]).toBe('line 49');
});
