// The server as one `fetch` handler, for every runtime: an OpenAI-compatible API over a loaded model, with what
// llama.cpp's server adds. Routes are in the files beside this one; what surrounds each of them is here.

import type { Context } from 'hono';
import { Hono } from 'hono/tiny';
import type { SmolLM2 } from '../smollm2.ts';
import { checkAccess, corsHeaders, keyOf } from './access.ts';
import { chatCompletions } from './chat.ts';
import { asRequestError, errorResponse, RequestError } from './errors.ts';
import { beginExchange, type Exchange } from './exchange.ts';
import { LIMITS } from './limits.ts';
import { checkServerOptions, type ServerOptions } from './options.ts';
import { Service } from './service.ts';
import { health, modelById, models } from './status.ts';

export { PrefixCache } from '../run/prefix-cache.ts';
export type { ServerOptions } from './options.ts';

/** A server without a socket. */
export interface ServerApp {
  /** Answers a request; give it to `Deno.serve`, `Bun.serve`, a Worker's default export, or a Node server. */
  readonly fetch: (request: Request, env?: unknown, context?: unknown) => Promise<Response>;
  /** The same as routes of hono, to be mounted in another app. */
  readonly routes: Hono;
  /** Resolves when requests are answered. @throws what the loading of the model threw */
  ready(): Promise<void>;
  /** Takes no more requests (503); resolves when the last one has been answered. */
  drain(): Promise<void>;
}

type Handler = (service: Service, exchange: Exchange) => Response | Promise<Response>;

/** A handler of a file that is loaded when somebody asks: a worker on the edge starts without it. */
function onDemand<Name extends string>(file: () => Promise<Record<Name, Handler>>, name: Name): Handler {
  return async (service, exchange) => (await file())[name](service, exchange);
}

const tokens = () => import('./tokens.ts');
const figures = () => import('./figures.ts');
const ollama = () => import('./ollama.ts');

/** Paths below `/v1` that are answered without it too, as llama.cpp's clients ask for them. */
const POSTS: Record<string, Handler> = {
  '/chat/completions': chatCompletions,
  '/completions': onDemand(() => import('./completions.ts'), 'completions'),
  '/embeddings': onDemand(() => import('./embeddings.ts'), 'embeddings'),
  '/chat/completions/input_tokens': onDemand(tokens, 'inputTokens'),
  '/responses': onDemand(() => import('./responses.ts'), 'responses'),
};

/**
 * An OpenAI-compatible server of a model.
 *
 * @param smol     the model, or one that is being loaded: until then answers are 503
 * @throws TypeError, RangeError  for options that are unknown or wrong
 *
 * @example
 * Deno.serve(app(load('135m')).fetch);
 */
export function app(smol: SmolLM2 | Promise<SmolLM2>, options?: ServerOptions): ServerApp {
  const service = new Service(smol, checkServerOptions(options));
  const routes = new Hono();
  const ready = (handler: Handler) => (context: Context) =>
    answered(service, context, true, (exchange) => {
      service.checkReady();
      return handler(service, exchange);
    });
  const open = (handler: Handler) => (context: Context) =>
    answered(service, context, false, (exchange) => handler(service, exchange));
  routes.get('/', open(onDemand(() => import('./page.ts'), 'page')));
  routes.get('/health', open(health));
  routes.get('/v1/health', open(health));
  for (const prefix of ['/v1', '']) {
    routes.get(`${prefix}/models`, ready(models));
    routes.get(`${prefix}/models/:id{.+}`, (context) => {
      const id = new URL(context.req.url).pathname.split('/models/').slice(1).join('/models/');
      return ready((at) => modelById(at, id))(context);
    });
    for (const [path, handler] of Object.entries(POSTS)) routes.post(prefix + path, ready(handler));
  }
  routes.post('/tokenize', ready(onDemand(tokens, 'tokenize')));
  routes.post('/detokenize', ready(onDemand(tokens, 'detokenize')));
  routes.get('/tokenizer_info', ready(onDemand(tokens, 'tokenizerInfo')));
  routes.post('/apply-template', ready(onDemand(tokens, 'applyTemplate')));
  for (const name of ['show', 'chat', 'generate', 'embed'] as const)
    routes.post(`/api/${name}`, ready(onDemand(ollama, name)));
  routes.get('/api/version', open(onDemand(ollama, 'version')));
  for (const path of ['/api/tags', '/api/ps']) routes.get(path, ready(onDemand(ollama, 'tags')));
  routes.get('/props', ready(onDemand(figures, 'props')));
  routes.get('/slots', ready(onDemand(figures, 'slots')));
  routes.get('/metrics', ready(onDemand(figures, 'metrics')));
  routes.options('*', (context) =>
    answered(service, context, false, () => new Response(null, { status: 204 })),
  );
  routes.notFound((context) => answered(service, context, true, unknownPath));
  const fetch = async (request: Request, env?: unknown, context?: unknown) =>
    routes.fetch(request, env as object, context as never);
  return { fetch, routes, ready: () => service.loading, drain: () => service.drain() };
}

/** One request from its access check to its response, whatever happens in between. */
async function answered(
  service: Service,
  context: Context,
  needsKey: boolean,
  handler: (exchange: Exchange) => Response | Promise<Response>,
): Promise<Response> {
  const request = context.req.raw;
  const startedAt = performance.now();
  const end = service.begin();
  const { exchange, settled } = beginExchange(request, clientOf(context), () => {
    service.metrics.countRequest(performance.now() - startedAt);
    end();
  });
  let response: Response;
  try {
    checkHeaders(request);
    checkAccess(request, service.options, needsKey);
    response = await handler(exchange);
  } catch (error) {
    response = failed(service, exchange, error);
  }
  settled();
  const ms = Math.round(performance.now() - startedAt);
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(corsHeaders(request, service.options))) headers.set(name, value);
  headers.set('x-request-id', exchange.id);
  headers.set('openai-processing-ms', String(ms));
  headers.set('x-content-type-options', 'nosniff');
  service.options.log?.(logLine(request, response.status, ms));
  return new Response(response.body, { status: response.status, headers });
}

function failed(service: Service, exchange: Exchange, error: unknown): Response {
  exchange.abort('failed');
  const told = asRequestError(error);
  service.metrics.countRejected(told.fault.status);
  if (told.fault.status === 500)
    service.options.log?.(`error ${exchange.id} ${(error as Error)?.stack ?? error}`);
  return errorResponse(told, exchange.request.url.includes('/api/'));
}

/** Method, path, status and time: never what was said. */
function logLine(request: Request, status: number, ms: number): string {
  const path = new URL(request.url).pathname.replace(/[^\x21-\x7e]/g, '?').slice(0, 100);
  return `${request.method} ${path} ${status} ${ms} ms`;
}

function checkHeaders(request: Request): void {
  let size = 0;
  for (const [name, value] of request.headers) size += name.length + value.length + 4;
  if (size <= LIMITS.headerBytes) return;
  throw new RequestError(`headers: expected at most ${LIMITS.headerBytes} bytes, got ${size}`, {
    status: 431,
    type: 'invalid_request_error',
    code: 'headers_too_large',
  });
}

/** Whose turn it is: by key, or by address where the runtime tells it. */
function clientOf(context: Context): string {
  const { incoming } = (context.env ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return keyOf(context.req.raw) ?? incoming?.socket?.remoteAddress ?? '';
}

function unknownPath({ request }: Exchange): never {
  const { pathname } = new URL(request.url);
  throw new RequestError(
    `path: expected one of this server's, got ${request.method} ${pathname.slice(0, 80)}`,
    {
      status: 404,
      type: 'invalid_request_error',
      code: 'not_found',
    },
  );
}
