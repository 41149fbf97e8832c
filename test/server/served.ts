// A server without a socket over a tiny model, for tests: its answers are nonsense and its numbers are right.

import { rmSync } from 'node:fs';
import { load, type SmolLM2 } from '../../src/node/index.ts';
import { app, type ServerApp, type ServerOptions } from '../../src/server/app.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const folder = makeTinyFolder();
export const smol: SmolLM2 = await load(folder, { engine: 'wasm', threads: 1 });
await smol.systemFingerprint();
// The weights are in memory now. The model is not closed: test files may share it, where they share a process.
rmSync(folder, { recursive: true, force: true });

/** A server that is ready. */
export async function serverOf(options: ServerOptions = {}): Promise<ServerApp> {
  const served = app(smol, options);
  await served.ready();
  return served;
}

export const served = await serverOf();

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into
  readonly json: any;
}

/** Asks with a body of JSON, or with a text as it is. */
export async function post(
  path: string,
  body: unknown,
  { server = served, headers = {}, signal }: PostOptions = {},
): Promise<Answered> {
  const response = await server.fetch(
    new Request(`http://localhost${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers,
      ...(signal && { signal }),
    }),
  );
  return answered(response);
}

export interface PostOptions {
  readonly server?: ServerApp;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export async function get(path: string, server = served, headers = {}): Promise<Answered> {
  return answered(await server.fetch(new Request(`http://localhost${path}`, { headers })));
}

async function answered(response: Response): Promise<Answered> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('application/json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** The events of a stream, parsed; `[DONE]` as it is. */
export function eventsOf(text: string) {
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => block.split('\n').at(-1)!.replace('data: ', ''))
    .map((line) => (line === '[DONE]' ? line : JSON.parse(line)));
}

export const user = (content: string) => [{ role: 'user', content }];
