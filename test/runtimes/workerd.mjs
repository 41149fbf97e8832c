// Runs a worker module on the real workerd: bundles it as a deployment would, writes workerd's configuration, and
// starts the binary on a free port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { WebSocket } from 'ws';

const here = fileURLToPath(new URL('./', import.meta.url));
const example = new URL('../../examples/cloudflare-worker/wrangler.jsonc', import.meta.url);
const { compatibility_date: compatibilityDate } = JSON.parse(readFileSync(example, 'utf8'));

/** Bundles `entry` with workerd's export conditions; `.wasm` imports become modules of their own. */
export async function bundleWorker(entry, outdir, { minify = false } = {}) {
  const { metafile } = await build({
    entryPoints: { worker: entry },
    outdir,
    bundle: true,
    minify,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker', 'browser'],
    nodePaths: [join(here, 'node_modules')],
    plugins: [{ name: 'wasm-modules', setup: wasmModules(outdir) }],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}

function wasmModules(outdir) {
  return ({ onResolve }) => {
    onResolve({ filter: /\.wasm$/ }, async ({ path, resolveDir }) => {
      const name = path.split('/').at(-1);
      const { copyFile, mkdir } = await import('node:fs/promises');
      await mkdir(outdir, { recursive: true });
      await copyFile(join(resolveDir, path), join(outdir, name));
      return { path: `./${name}`, external: true };
    });
  };
}

/** Starts workerd on a bundled worker; `assets` is the folder behind env.ASSETS. */
export async function startWorkerd({ dir, assets, bin }) {
  const port = await freePort();
  const inspectorPort = await freePort();
  const files = (await readdir(dir)).filter((name) => name.endsWith('.wasm'));
  const wasm = files.map((name) => `(name = "${name}", wasm = embed "${name}")`);
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js"), ${wasm.join(', ')}],
      compatibilityDate = "${compatibilityDate}",
      bindings = [(name = "ASSETS", service = "assets")],
    )),
    (name = "assets", disk = (path = "${assets}", writable = false)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
  await writeFile(join(dir, 'config.capnp'), config);
  const args = ['serve', join(dir, 'config.capnp'), `--inspector-addr=127.0.0.1:${inspectorPort}`];
  const child = spawn(bin, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`workerd did not start: ${output}`);
    if (await listens(port)) break;
    await sleep(25);
  }
  return {
    url,
    inspectorPort,
    pid: child.pid,
    output: () => output,
    async stop() {
      child.kill('SIGKILL'); // a polite signal waits for connections that the inspector leaves open
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/**
 * Bytes of an isolate's memory that count beside linear memory: JavaScript's heap, the runtime's own objects and array
 * buffers. `inUse` is what is left after every round of collection, as before a heap snapshot; `withGarbage` is what is
 * there as long as V8 has no reason to collect. Only for a worker that is not answering: a busy one does not reply.
 */
export async function heapBytes(inspectorPort) {
  for (let tries = 1; ; tries++) {
    try {
      return await askHeap(inspectorPort);
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

async function askHeap(inspectorPort) {
  const signal = AbortSignal.timeout(5000);
  const [target] = await (await fetch(`http://127.0.0.1:${inspectorPort}/json`, { signal })).json();
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await once(socket, 'open', { signal });
    const withGarbage = await usage(socket);
    await ask(socket, 'HeapProfiler.enable');
    await ask(socket, 'HeapProfiler.takeHeapSnapshot');
    return { inUse: await usage(socket), withGarbage };
  } finally {
    socket.terminate();
  }
}

async function usage(socket) {
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await ask(socket, 'Runtime.getHeapUsage');
  return usedSize + embedderHeapUsedSize + backingStorageSize;
}

let lastId = 0;

function ask(socket, method) {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${method}: expected an answer within 5 s, got none`)),
      5000,
    );
    const listen = (text) => {
      const message = JSON.parse(text);
      if (message.id !== id) return;
      clearTimeout(timer);
      socket.off('message', listen);
      resolve(message.result);
    };
    socket.on('message', listen);
    socket.send(JSON.stringify({ id, method }));
  });
}

/** True when somebody listens. No request is made: the worker would answer it, and its first answer is measured. */
async function listens(port) {
  const socket = connect(port, '127.0.0.1');
  const isUp = await once(socket, 'connect').then(
    () => true,
    () => false, // an error event
  );
  socket.destroy();
  return isUp;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** A folder that is removed afterwards. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'smollm2-runtimes-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
