// Most clients hear an answer only after they have written their whole body: what is refused before it has come is
// read to its end first, up to a bound, or they would see a broken connection where a 413 stands.

import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 64 * 2 ** 20;
const MAX_MS = 10_000;

type Fetch<Bindings> = (request: Request, bindings: Bindings) => Promise<Response>;

/** The same handler, whose refusals wait for the body of the request. */
export function readOut<Bindings extends { incoming: unknown }>(fetch: Fetch<Bindings>): Fetch<Bindings> {
  return async (request, bindings) => {
    const response = await fetch(request, bindings);
    const incoming = bindings.incoming as IncomingMessage;
    // One that dribbles has been waited for; one whose length nobody knows may never end, and hears at once.
    const hasLength = incoming.headers['content-length'] !== undefined;
    if (response.status >= 400 && response.status !== 408 && hasLength) await readToEnd(incoming);
    return response;
  };
}

function readToEnd(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (incoming.complete || incoming.destroyed) return resolve();
    const timer = setTimeout(resolve, MAX_MS);
    let size = 0;
    // Whoever has read of it has given up, and would hold it back.
    incoming.removeAllListeners('data');
    incoming.on('data', ({ length }: Buffer) => {
      size += length;
      if (size > MAX_BYTES) resolve();
    });
    incoming.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    incoming.once('end', resolve);
    incoming.resume();
  });
}
