// Runs a worker module on the real workerd: bundles it as a deployment would, writes workerd's configuration, and
// starts the binary on a free port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { WebSocket } from 'ws';

const here = fileURLToPath(new URL('./', import.meta.url));

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
export async function startWorkerd({ dir, assets, bin, v8Flags = [] }) {
  const port = await freePort();
  const inspectorPort = await freePort();
  const files = (await readdir(dir)).filter((name) => name.endsWith('.wasm'));
  const wasm = files.map((name) => `(name = "${name}", wasm = embed "${name}")`);
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ${JSON.stringify(v8Flags)},
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js"), ${wasm.join(', ')}],
      compatibilityDate = "2026-10-01",
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
    const isUp = await fetch(`${url}/not-there`).then(
      () => true,
      () => false,
    );
    if (isUp) break;
    await sleep(25);
  }
  return {
    url,
    inspectorPort,
    pid: child.pid,
    output: () => output,
    async stop() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/**
 * Watches the isolate through the inspector: bytes of JavaScript's heap and of array buffers. Linear memory is not
 * among them: the worker tells its size itself.
 */
export async function watchHeap(inspectorPort) {
  const signal = AbortSignal.timeout(5000);
  const [target] = await (await fetch(`http://127.0.0.1:${inspectorPort}/json`, { signal })).json();
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, 'open');
  let peakBytes = 0;
  let lastBytes = 0;
  socket.on('message', (text) => {
    const { result } = JSON.parse(text);
    if (result?.usedSize === undefined) return;
    lastBytes = result.usedSize + result.embedderHeapUsedSize + result.backingStorageSize;
    peakBytes = Math.max(peakBytes, lastBytes);
  });
  let id = 0;
  const ask = () => socket.send(JSON.stringify({ id: id++, method: 'Runtime.getHeapUsage' }));
  const timer = setInterval(ask, 10);
  return {
    async stop() {
      clearInterval(timer);
      ask();
      await sleep(100);
      socket.terminate();
      return { peakBytes, lastBytes };
    },
  };
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
