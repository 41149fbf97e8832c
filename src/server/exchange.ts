// One request and what belongs to it: who asks, when it is to stop, and what was counted of it.

import { readFields } from './body.ts';
import type { Fields } from './fields.ts';

export interface Exchange {
  /** In hexadecimal, as ids of answers and `x-request-id` have it. */
  readonly id: string;
  readonly request: Request;
  /** Whose turn it is among those who wait. */
  readonly client: string;
  /** Given when the client has hung up. */
  readonly signal: AbortSignal;
  readonly abort: (reason: string) => void;
  /** A response that goes on after the handler has returned: the exchange ends when its body does. */
  stream(response: Response): Response;
}

export const readBody = ({ request }: Exchange): Promise<Fields> => readFields(request);

/** Begins an exchange. @param onEnd  called once, when the response is out or given up */
export function beginExchange(request: Request, client: string, onEnd: () => void): ExchangeControl {
  const stop = new AbortController();
  const abort = (reason: string) => stop.abort(new DOMException(reason, 'AbortError'));
  const onAbort = () => abort('hung up');
  request.signal.addEventListener('abort', onAbort);
  if (request.signal.aborted) onAbort();
  let isStream = false;
  let hasEnded = false;
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    request.signal.removeEventListener('abort', onAbort);
    onEnd();
  };
  const exchange: Exchange = {
    id: crypto.randomUUID().replaceAll('-', ''),
    request,
    client,
    signal: stop.signal,
    abort,
    stream(response) {
      isStream = true;
      return withEnd(response, end);
    },
  };
  return { exchange, settled: () => !isStream && end() };
}

export interface ExchangeControl {
  readonly exchange: Exchange;
  /** The handler has returned. */
  readonly settled: () => void;
}

/** The same response, telling when its body has been read or given up. */
function withEnd(response: Response, end: () => void): Response {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        end();
      },
      async cancel(reason) {
        await reader.cancel(reason).catch(() => undefined);
        end();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}
