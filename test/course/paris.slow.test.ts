import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { realWeights } from '../support/weights.ts';

const root = new URL('../..', import.meta.url).pathname;

it('one file that imports nothing but the reading of files says Paris, with 77.3 %', () => {
  const file = join(root, 'course/paris.ts');
  const imports = readFileSync(file, 'utf8').match(/^import .*$/gm);
  expect(imports).toEqual(["import { readFileSync } from 'node:fs';"]);
  const command = ['--import', join(root, 'bench/typescript.mjs'), file, realWeights()];
  const printed = execFileSync(process.execPath, command, { encoding: 'utf8' });
  expect(printed.split('\n')[1]).toBe('  77.3 % " Paris"');
});
