// The servers that are measured, as processes of their own: this project's, and llama.cpp's where its folder is given.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Resident, in the heap of JavaScript, and in buffers beside it. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
  readonly buffers: number;
}

export interface Server {
  readonly name: string;
  readonly url: string;
  /** What it holds after a collection of garbage, in bytes; ours only. */
  memory(): Promise<Memory>;
  /** Ends one of its threads in the middle of whatever it does; ours only. */
  killWorker(): void;
  /** Milliseconds of processor time that it has taken, all threads together. */
  processorMs(): number;
  /** Sum of the gauges of answers at work and waiting. */
  pending(): Promise<number>;
  stop(): void;
}

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const probe = fileURLToPath(new URL('probe.mjs', import.meta.url));

/** @param flags of Node, before the program */
export function startOurs(
  model: string,
  options: readonly string[],
  name = 'smollm2',
  flags: readonly string[] = [],
): Promise<Server> {
  return start(name, (port) => {
    const args = [program, 'serve', '--model', model, '--port', String(port), '--quiet', ...options];
    return spawn(process.execPath, [...flags, '--expose-gc', '--import', probe, ...args], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  });
}

/**
 * @param folder where `llama-server` and its libraries are
 * @param threads for prompts and for answers
 * @param flags   further settings of its command line
 */
export function startLlama(
  folder: string,
  model: string,
  ctx: number,
  slots: number,
  name: string,
  threads = 2,
  flags: readonly string[] = [],
): Promise<Server> {
  return start(name, (port) => {
    const args = [
      '-m',
      model,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--device',
      'none',
      '-t',
      String(threads),
      '-tb',
      String(threads),
    ];
    const rest = [
      '-np',
      String(slots),
      '-c',
      String(ctx),
      '--no-kv-unified',
      '--metrics',
      '--no-webui',
      ...flags,
    ];
    const env = { ...process.env, LD_LIBRARY_PATH: folder };
    return spawn(`${folder}/llama-server`, [...args, ...rest], { stdio: 'ignore', env });
  });
}

async function start(name: string, run: (port: number) => ChildProcess): Promise<Server> {
  const port = await freePort();
  const child = run(port);
  const url = `http://127.0.0.1:${port}`;
  for (let n = 0; ; n++) {
    if (child.exitCode !== null)
      throw new Error(`${name}: expected a server, got exit code ${child.exitCode}`);
    const response = await fetch(`${url}/health`).catch(() => undefined);
    if (response?.ok) break;
    if (n > 600) throw new Error(`${name}: expected a server that is ready after a minute`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    name,
    url,
    memory() {
      child.send('memory');
      return new Promise((resolve) => child.once('message', (found) => resolve(found as Memory)));
    },
    killWorker() {
      child.send('kill a worker');
    },
    processorMs() {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13);
      return 10 * (Number(user) + Number(system)); // ticks of 10 ms
    },
    async pending() {
      const text = await (await fetch(`${url}/metrics`)).text();
      const gauges = text.matchAll(/^llamacpp:requests_(?:processing|deferred) (\d+)/gm);
      return [...gauges].reduce((sum, match) => sum + Number(match[1]), 0);
    },
    stop() {
      child.kill('SIGKILL');
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
    server.on('error', reject);
  });
}
