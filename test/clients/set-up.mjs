// Starts `smollm2 serve` on the real weights, with a key, before test/clients.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const KEY = 'a-key-of-the-test';

export default async function setup({ provide }) {
  const given = process.env.SMOLLM2_TEST_WEIGHTS;
  const model = given && existsSync(given) ? ['--model', given] : [];
  const args = ['dist/cli/main.js', 'serve', '--port', '0', '--quiet', '--ctx', '2048', '--alias', 'served'];
  const server = spawn(process.execPath, [...args, ...model], {
    cwd: root,
    env: { ...process.env, SMOLLM2_API_KEY: KEY },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const said = [];
  let url;
  for await (const line of createInterface({ input: server.stderr })) {
    said.push(line);
    url = /^ready: (\S+)\/v1/.exec(line)?.[1];
    if (url) break;
  }
  if (!url) throw new Error(`smollm2 serve did not begin:\n${said.join('\n')}`);
  server.stderr.resume();
  provide('url', url);
  provide('key', KEY);
  return async () => {
    server.kill('SIGTERM');
    const code = await new Promise((resolve) => server.on('exit', resolve));
    if (code !== 0) throw new Error(`smollm2 serve: expected to end with 0 after SIGTERM, got ${code}`);
  };
}
