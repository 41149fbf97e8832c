// Runs once before test/runtimes: the built package is linked where every runtime finds it as `smollm2`, the
// weights are found, and cut into parts for workerd.

import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export default async function setup({ provide }) {
  const link = join(root, 'test/runtimes/node_modules/smollm2');
  rmSync(link, { force: true });
  symlinkSync(root, link, 'dir');

  const { findWeights } = await import(join(root, 'dist/node/find-weights.js'));
  const { splitFile } = await import(join(root, 'dist/node/split.js'));
  const { fileSource } = await import(join(root, 'dist/node/file-source.js'));
  const given = process.env.SMOLLM2_TEST_WEIGHTS;
  const weights =
    given && existsSync(given) ? given : (await findWeights('135m', { onNote: console.log })).path;
  const parts = mkdtempSync(join(tmpdir(), 'smollm2-parts-'));
  const source = await fileSource(weights);
  await splitFile(source, join(parts, 'model'), 2 ** 22);
  await source.close();
  provide('weights', weights);
  provide('parts', parts);
  return () => rmSync(parts, { recursive: true, force: true });
}
