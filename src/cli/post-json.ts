// JSON to an OpenAI-compatible server and back.

import { FormatError, UnavailableError } from '../base/errors.ts';

/** A question of thousands of tokens takes a slow machine minutes. */
const ANSWER_MS = 600_000;

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
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      const { message, cause: inner } = cause as Error;
      throw new UnavailableError(
        `${base}: ${inner instanceof Error ? inner.message : message}; is it running?`,
      );
    }
    if (!response.ok) {
      throw new UnavailableError(`${base}${path}: status ${response.status}, ${text.slice(0, 200)}`);
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new FormatError(`expected JSON: ${(error as Error).message}`, { file: base + path });
    }
  };
}
