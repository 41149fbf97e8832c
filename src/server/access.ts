// Who may ask: a key where there are keys, a Host that is meant (a page on the web may give its own name the address of
// this machine), an Origin that is allowed.

import { RequestError } from './errors.ts';
import type { CheckedServerOptions } from './options.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

type Access = Pick<CheckedServerOptions, 'keys' | 'hosts' | 'origins'>;

/** @throws RequestError 401 or 403 */
export function checkAccess(request: Request, options: Access, needsKey: boolean): void {
  checkHost(request, options);
  const origin = request.headers.get('origin');
  if (origin !== null && !isAllowed(origin, request, options)) {
    throw forbidden(`Origin: expected one that is allowed, got ${origin.slice(0, 80)}`, 'origin_not_allowed');
  }
  if (needsKey && options.keys.length > 0) checkKey(request, options.keys);
}

function checkHost(request: Request, { hosts }: Access): void {
  if (!hosts) return;
  const host = (request.headers.get('host') ?? new URL(request.url).host).replace(/:\d+$/, '').toLowerCase();
  if (hosts.includes(host)) return;
  throw forbidden(`Host: expected ${hosts.join(' or ')}, got ${host.slice(0, 80)}`, 'host_not_allowed');
}

function forbidden(message: string, code: string): RequestError {
  return new RequestError(message, { status: 403, type: 'invalid_request_error', code });
}

/** The server's own pages, those that are named, and by default those of this machine. */
function isAllowed(origin: string, request: Request, { origins }: Access): boolean {
  if (origins) return origins.includes('*') || origins.includes(origin) || isOwn(origin, request);
  try {
    return isOwn(origin, request) || LOOPBACK.includes(new URL(origin).hostname);
  } catch {
    return false; // `null`, of files and sandboxes
  }
}

function isOwn(origin: string, request: Request): boolean {
  return origin.replace(/^https?:\/\//, '') === (request.headers.get('host') ?? new URL(request.url).host);
}

function checkKey(request: Request, keys: readonly string[]): void {
  const given = keyOf(request);
  // Every key is compared to its end, so that time tells nothing.
  let isKnown = false;
  for (const key of keys) if (isEqual(given ?? '', key)) isKnown = true;
  if (isKnown) return;
  throw new RequestError(`key: expected one of this server's, got ${given ? 'another' : 'none'}`, {
    status: 401,
    type: 'authentication_error',
    code: 'invalid_api_key',
  });
}

/** What a request brings as `Authorization: Bearer` or `X-Api-Key`. */
export function keyOf(request: Request): string | undefined {
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  return bearer ?? request.headers.get('x-api-key') ?? undefined;
}

function isEqual(given: string, key: string): boolean {
  let difference = given.length ^ key.length;
  for (let i = 0; i < key.length; i++) difference |= key.charCodeAt(i) ^ (given.charCodeAt(i) || 0);
  return difference === 0;
}

/** Headers with which a browser lets a page read an answer; for a preflight, what it may send. */
export function corsHeaders(request: Request, options: Access): Record<string, string> {
  const origin = request.headers.get('origin');
  if (origin === null || !isAllowed(origin, request, options)) return {};
  const headers: Record<string, string> = {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'x-request-id, openai-processing-ms, retry-after',
    vary: 'origin',
  };
  if (request.method !== 'OPTIONS') return headers;
  const asked = request.headers.get('access-control-request-headers') ?? '';
  return {
    ...headers,
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': /^[\w\-, ]{0,1024}$/.test(asked) ? asked : 'authorization, content-type',
    'access-control-max-age': '600',
  };
}
