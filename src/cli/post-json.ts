// JSON to an OpenAI-compatible server and back.

import { FormatError, UnavailableError } from '../base/errors.ts';
import { readBodyText } from '../base/read-body.ts';
import { shown } from '../base/shown.ts';

/** A question of thousands of tokens takes a slow machine minutes. */
const ANSWER_MS = 600_000;
/** Log-probabilities of a prompt of 8,192 tokens take a tenth of it. */
const MAX_ANSWER_BYTES = 2 ** 26;

/**
 * A function that posts to paths under `baseUrl`, such as `http://localhost:8080/v1`.
 *
 * @throws UnavailableError (from the function) when the server cannot be reached or refuses, with its message
 */
export function jsonPoster(baseUrl: string, apiKey?: string, signal?: AbortSignal) {
  const base = baseUrl.replace(/\/+$/, '');
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (apiKey) headers.authorization = `Bearer ${apiKey}`;
  return async (path: string, body: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const timeout = AbortSignal.timeout(ANSWER_MS);
    const within = signal ? AbortSignal.any([signal, timeout]) : timeout;
    let response: Response;
    let text: string;
    try {
      response = await fetch(base + path, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        signal: within,
      });
      text = await readBodyText(response, MAX_ANSWER_BYTES, base + path);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof FormatError) throw cause;
      const { message, cause: inner } = cause as Error;
      throw new UnavailableError(
        `${base}: ${inner instanceof Error ? inner.message : message}; is it running?`,
      );
    }
    if (!response.ok) {
      throw new UnavailableError(`${base}${path}: status ${response.status}, ${shown(text)}`);
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new FormatError(`expected JSON: ${(error as Error).message}`, { file: base + path });
    }
  };
}
