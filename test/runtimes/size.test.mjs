// Bytes downloaded before the weights, against the budgets of size.mjs.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('everything that is downloaded before the weights is within its budget', async () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['size.mjs'], { cwd: root });
  console.log(stdout);
  expect(stdout).toMatch(/tokenizer only/);
});
