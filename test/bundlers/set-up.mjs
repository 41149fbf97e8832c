// Runs once before test/bundlers: what `npm pack` makes lies in node_modules as an installed package would.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const installed = fileURLToPath(new URL('./node_modules/smollm2', import.meta.url));

export default async function setup() {
  const folder = await mkdtemp(join(tmpdir(), 'smollm2-packed-'));
  const flags = ['--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await run('npm', ['pack', ...flags], { cwd: root, maxBuffer: 2 ** 24 });
  await rm(installed, { recursive: true, force: true });
  await mkdir(installed);
  await run('tar', [
    '-xzf',
    join(folder, JSON.parse(stdout)[0].filename),
    '-C',
    installed,
    '--strip-components=1',
  ]);
  await rm(folder, { recursive: true });
}
