// Server-sent events that are made as they are read: a reader that is slow slows its answer down, one that stops is
// given up, one that waits is told so by comments.

import { asRequestError, errorBody } from './errors.ts';
import { LIMITS } from './limits.ts';

/** One event: its data, and its type where it has one. */
export interface StreamEvent {
  readonly event?: string;
  readonly data: string;
}

/** Lines of JSON for `data:`. */
export const json = (value: unknown): StreamEvent => ({ data: JSON.stringify(value) });

/** How events are written. */
export interface StreamFormat {
  readonly contentType: string;
  written(event: StreamEvent): string;
  /** An error after the first byte, as the last event. */
  failed(error: unknown): string;
  /** What is written when nothing else is, so that nobody gives the connection up. */
  readonly silence?: string;
}

/** Server-sent events. */
export const SSE: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  written: ({ event, data }) =>
    event === undefined ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`,
  failed: (error) => `data: ${JSON.stringify(errorBody(asRequestError(error)))}\n\n`,
  silence: ': waiting\n\n',
};

/** One JSON object a line. */
export const NDJSON: StreamFormat = {
  contentType: 'application/x-ndjson',
  written: ({ data }) => `${data}\n`,
  failed: (error) => `${JSON.stringify({ error: asRequestError(error).message })}\n`,
};

export interface StreamTimes {
  readonly keepAliveMs?: number;
  readonly idleReaderMs?: number;
}

/**
 * @param events  what is sent; its end ends the stream, an error becomes a last event
 * @param abort   called when nobody reads any more, and when all is over
 */
export function eventStream(
  events: AsyncGenerator<StreamEvent>,
  abort: (reason: string) => void,
  format: StreamFormat = SSE,
  { keepAliveMs = LIMITS.keepAliveMs, idleReaderMs = LIMITS.idleReaderMs }: StreamTimes = {},
): Response {
  const encoder = new TextEncoder();
  let pending: Promise<IteratorResult<StreamEvent>> | undefined;
  let idle: ReturnType<typeof setTimeout> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(idle);
        const send = (text: string) => controller.enqueue(encoder.encode(text));
        try {
          pending ??= events.next();
          const early = format.silence === undefined ? undefined : await orSilence(pending, keepAliveMs);
          if (early === undefined && format.silence !== undefined) send(format.silence);
          else {
            const step = early ?? (await pending);
            pending = undefined;
            if (step.done) return controller.close();
            send(format.written(step.value));
          }
        } catch (error) {
          send(format.failed(error));
          controller.close();
          abort('failed');
          return;
        }
        idle = setTimeout(() => {
          abort('idle reader');
          controller.error(new Error('stream: expected a reader, got none for a minute'));
        }, idleReaderMs);
      },
      async cancel() {
        clearTimeout(idle);
        abort('hung up');
        await events.return(undefined).catch(() => undefined);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: LIMITS.aheadBytes }),
  );
  return new Response(body, {
    headers: { 'content-type': format.contentType, 'cache-control': 'no-cache' },
  });
}

/** What comes within this time; undefined otherwise. */
async function orSilence<T>(step: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([step, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** The pieces of several generators as they come; the results go to `onEnd`. */
export async function* merged<T, R>(
  generators: readonly AsyncGenerator<T, R>[],
  onEnd: (index: number, result: R) => T | undefined,
): AsyncGenerator<T> {
  const next = (index: number) => generators[index].next().then((step) => ({ index, step }));
  const waiting = new Map(generators.map((_, index) => [index, next(index)]));
  try {
    while (waiting.size > 0) {
      const { index, step } = await Promise.race(waiting.values());
      if (step.done) {
        waiting.delete(index);
        const last = onEnd(index, step.value);
        if (last !== undefined) yield last;
      } else {
        waiting.set(index, next(index));
        yield step.value;
      }
    }
  } finally {
    for (const promise of waiting.values()) promise.catch(() => undefined);
    await Promise.all(generators.map((one) => one.return(undefined as R).catch(() => undefined)));
  }
}
