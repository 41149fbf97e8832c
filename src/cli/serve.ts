// `smollm2 serve`: the server of src/server behind a socket of Node. It listens before the model is there, so that
// /health can say so; a signal lets the answers at hand end first.

import { once, setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import { app, type ServerApp, type ServerOptions } from '../server/app.ts';
import { LIMITS } from '../server/limits.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, openModel } from './model-options.ts';
import { readOut } from './read-out.ts';
import { Status } from './terminal.ts';

const DEFAULT_PORT = 8080;
const DEFAULT_CACHE_MIB = 256;
const DEFAULT_HOST = '127.0.0.1';
/** Longer than the minute for which balancers keep a socket: who closes first loses no request that is on its way. */
const KEEP_ALIVE_MS = 75_000;
/** Ids of a prompt, and passes after it, with which kernels are tried before the first client comes. */
const WARM_IDS = 128;
const WARM_PASSES = 8;
/** Milliseconds that answers at hand have to end after a signal. */
const DRAIN_MS = 30_000;

export const serveCommand = engineOptions(
  new Command('serve', 'Serve the model to clients of the OpenAI API and of llama.cpp')
    .option('-p, --port <n>', `port to listen on (default: ${DEFAULT_PORT}; 0: any)`)
    .option('--host <address>', `address to listen on (default: ${DEFAULT_HOST})`)
    .option('--alias <name>', 'another name of the model; may be repeated')
    .option('--any-model', 'answer whatever model a client names')
    .option('--api-key <key>', 'ask clients for this key; may be repeated (or SMOLLM2_API_KEY)')
    .option(
      '--origin <origin>',
      'pages that may ask (default: those of this machine; * for all); may be repeated',
    )
    .option('--parallel <n>', 'answers that are computed at a time (default: 16)')
    .option('--cache-memory <mib>', 'memory for prompts that begin alike, in MiB (default: 256; 0: none)')
    .option('--queue <n>', 'answers that may wait before clients are sent away (default: 256)')
    .option(
      '-n, --max-tokens <n>',
      'longest answer where a request does not say (default: to the end of the context)',
    )
    .option('--show-prompts', 'show running prompts in /slots')
    .option('--quiet', 'do not print a line for each request')
    .example('$ smollm2 serve --port 8080')
    .example('$ smollm2 serve --host 0.0.0.0 --api-key "$KEY" --parallel 32 --ctx 2048'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const status = new Status();
  // Every answer of a request listens to its signal.
  setMaxListeners(2 * LIMITS.answers);
  const host = args.text('host') ?? DEFAULT_HOST;
  const port = args.count('port', 0) ?? DEFAULT_PORT;
  if (port > 65535) throw new RangeError(`--port: expected 0 to 65535, got ${port}`);
  const stop = new AbortController();
  const loading = openModel(args, status, stop.signal).then(({ smol }) => warm(smol));
  loading.catch(() => undefined); // told below
  const served = app(loading, serverOptions(args, host));
  const server = createAdaptorServer({
    fetch: readOut(served.fetch),
    serverOptions: {
      maxHeaderSize: LIMITS.headerBytes,
      headersTimeout: 60_000,
      requestTimeout: 300_000,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
  }) as Server;
  server.setTimeout(600_000); // sockets on which nothing has moved for ten minutes
  server.listen(port, host);
  await once(server, 'listening'); // or its error
  const { address, port: bound } = server.address() as AddressInfo;
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${bound}`;
  status.note(`listening on ${url}; loading ${args.text('model') ?? DEFAULT_MODEL}`);
  const signalled = untilSignal();
  // The server has its fingerprint to compute after the model is there.
  const ready = served.ready().then(() => loading);
  const smol = await Promise.race([ready, signalled]).catch((error) => {
    closeNow(server);
    throw error;
  });
  if (smol) {
    status.note(`ready: ${url}/v1 (${smol.model.numThreads} threads, ${smol.model.maxSeqLen} positions)`);
    await signalled;
  } else stop.abort();
  await shutDown(server, served, smol, status);
}

/**
 * Computes a prompt and a few tokens: V8 compiles kernels anew once they are hot, and times of passes are learned
 * (src/run/row-budget.ts), which a first client would wait for.
 */
async function warm(smol: SmolLM2): Promise<SmolLM2> {
  const { model } = smol;
  const cache = model.newCache();
  const count = Math.min(WARM_IDS, model.maxSeqLen - WARM_PASSES);
  for (let n = 0; n < WARM_PASSES && count > 0; n++) {
    await model.run([{ ids: new Array<number>(n === 0 ? count : 1).fill(0), cache }]);
  }
  model.freeCache(cache);
  return smol;
}

function serverOptions(args: Arguments, host: string): ServerOptions {
  const keys = [...args.texts('apiKey'), ...(process.env.SMOLLM2_API_KEY?.split(',') ?? [])].filter(Boolean);
  const isLoopback = ['127.0.0.1', 'localhost', '::1'].includes(host);
  const origins = args.texts('origin');
  return {
    model: modelId(args.text('model') ?? DEFAULT_MODEL),
    aliases: ['smollm2', ...args.texts('alias')],
    anyModel: args.flag('anyModel'),
    keys,
    ...(isLoopback && { hosts: ['127.0.0.1', 'localhost', '[::1]'] }),
    ...(origins.length > 0 && { origins }),
    parallel: args.count('parallel'),
    cacheMemory: (args.count('cacheMemory', 0) ?? DEFAULT_CACHE_MIB) * 2 ** 20,
    queue: args.count('queue', 0),
    maxTokens: args.count('maxTokens'),
    showPrompts: args.flag('showPrompts'),
    ...(!args.flag('quiet') && { log: (line) => console.error(line) }),
  };
}

/** What clients call the model: `smollm2-135m-instruct` for `135m`, the file's name for a path. */
function modelId(name: string): string {
  const [, size, kind = '-instruct'] = /^(135m|360m|1\.7b)(-\w+)?$/i.exec(name) ?? [];
  return size ? `smollm2-${size}${kind}`.toLowerCase() : basename(name).replace(/\.gguf$/, '');
}

/** Resolves at SIGTERM or Ctrl-C; a second one ends the program at once. */
function untilSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    const hear = () => {
      process.once('SIGINT', () => process.exit(130));
      resolve(undefined);
    };
    process.once('SIGTERM', hear);
    process.once('SIGINT', hear);
  });
}

async function shutDown(
  server: Server,
  served: ServerApp,
  smol: SmolLM2 | undefined,
  status: Status,
): Promise<void> {
  status.note('stopping: no new requests; the answers at hand may end');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([served.drain(), late]);
  clearTimeout(timer);
  closeNow(server);
  await smol?.close();
}

function closeNow(server: Server): void {
  server.close();
  server.closeAllConnections();
}
