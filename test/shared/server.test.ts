// The cases of a conformance suite, run by its own program against the server on the real weights.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/run-cli.ts';
import { sharedFile } from './shared.ts';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const started: ReturnType<typeof startCli>[] = [];

async function serve(env: NodeJS.ProcessEnv): Promise<string> {
  const server = startCli(['serve', '--port', '0', '--quiet'], env);
  started.push(server);
  let said = '';
  // Listened to until its end: a server whose stderr is closed dies of its next line.
  return new Promise((resolve, reject) => {
    server.stderr.on('data', (piece) => {
      said += piece;
      const url = /^ready: (\S+)\/v1/m.exec(said)?.[1];
      if (url) resolve(url);
    });
    server.once('exit', () =>
      reject(new Error(`smollm2 serve: expected it to serve, it ended with ${said}`)),
    );
  });
}

async function run(env: NodeJS.ProcessEnv): Promise<string> {
  const url = await serve(env.KEY ? { SMOLLM2_API_KEY: env.KEY } : {});
  const program = sharedFile('server/conformance-run.mjs');
  const options = { env: { ...process.env, NODE_PATH: modules, ...env } };
  const { stdout } = await promisify(execFile)(process.execPath, [program, url, 'dev'], options).catch(
    (error) => ({ stdout: `${error.stdout}${error.stderr}` }),
  );
  return stdout;
}

describe('the conformance cases', () => {
  let outputs: string[];
  beforeAll(async () => {
    outputs = [await run({}), await run({ KEY: 'any' })];
  });
  afterAll(() => {
    for (const server of started) server.kill();
  });

  it('pass, all but the one that needs a key', () => {
    expect(outputs[0]).toMatch(/^104 passed, 0 failed, 1 skipped$/m);
  });

  it('pass with a key, all but those that ask Ollama for models without one', () => {
    expect(outputs[1]).toMatch(/^99 passed, 0 failed, 6 skipped$/m);
  });
});
