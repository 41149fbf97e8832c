// examples/spark on a local cluster of two workers, one of which is killed in the middle: one machine's output.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';

it('a cluster that loses a worker keeps the documents that one machine keeps', async () => {
  const script = fileURLToPath(new URL('../../examples/spark/test_curate_spark.py', import.meta.url));
  const { stdout } = await promisify(execFile)(inject('python'), [script], { maxBuffer: 2 ** 26 });
  expect(stdout).toContain('killed executor');
  expect(stdout).toMatch(
    /^equal: \d+ of 400 documents stay, on one machine and on a cluster that lost a worker$/m,
  );
});
