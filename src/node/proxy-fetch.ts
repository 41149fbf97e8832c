// `fetch` through the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in either case), which
// Node's own does not do before version 24, and then only when NODE_USE_ENV_PROXY asks for it. Deno and Bun do it
// themselves.

import { UnavailableError } from '../base/errors.ts';
import { withoutPassword } from '../base/shown.ts';
import type { Environment } from './hub-cache.ts';

/** One for each set of variables: a connection that is open is used again. */
const made = new Map<string, Promise<typeof fetch>>();

/**
 * The `fetch` to take for addresses outside this machine.
 *
 * @throws UnavailableError (from the promise) when a variable holds no address of a proxy
 */
export async function proxyFetch(env: Environment = process.env): Promise<typeof fetch> {
  const httpProxy = env.http_proxy ?? env.HTTP_PROXY;
  const httpsProxy = env.https_proxy ?? env.HTTPS_PROXY;
  const noProxy = env.no_proxy ?? env.NO_PROXY;
  const isDone = 'Deno' in globalThis || 'Bun' in globalThis || env.NODE_USE_ENV_PROXY === '1';
  if (isDone || !(httpProxy || httpsProxy)) return fetch;
  for (const [name, address] of Object.entries({ HTTP_PROXY: httpProxy, HTTPS_PROXY: httpsProxy })) {
    if (!address || /^https?:\/\/[^/]/i.test(address)) continue;
    throw new UnavailableError(
      `${name}: expected an address such as http://host:3128, got ${withoutPassword(address)}`,
    );
  }
  const key = JSON.stringify([httpProxy, httpsProxy, noProxy]);
  const kept = made.get(key) ?? throughProxy({ httpProxy, httpsProxy, noProxy });
  made.set(key, kept);
  return kept;
}

async function throughProxy(options: {
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
}): Promise<typeof fetch> {
  const undici = await import('undici');
  // Plain addresses are asked for in whole, as curl and Python do; TLS goes through a tunnel in any case.
  const plain = { ...options, proxyTunnel: false };
  const dispatcher = new undici.EnvHttpProxyAgent(plain);
  // The package's own fetch beside its own agent: the two speak one version on every Node.
  const through = (input: string | URL, init?: object) => undici.fetch(input, { ...init, dispatcher });
  return through as unknown as typeof fetch;
}
