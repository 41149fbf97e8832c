// Whatever goes wrong as the answer that a client of OpenAI's API understands: one table from our errors to status,
// type and code. What a client caused is never a 500.

import {
  ContextOverflowError,
  EngineError,
  GrammarError,
  OutOfMemoryError,
  UnavailableError,
  UnsupportedError,
} from '../base/errors.ts';
import { ConversationError } from '../chat/template.ts';

/** What an answer with an error says beside its message. */
export interface Fault {
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 429 | 431 | 500 | 503;
  readonly type: string;
  readonly code: string | null;
  /** The field at fault: `messages[0].role`. */
  readonly param?: string | null;
  /** Seconds after which asking again may help. */
  readonly retryAfter?: number;
  /** Members beside the four of OpenAI. */
  readonly more?: Readonly<Record<string, number>>;
}

/** An error that a client is told. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly fault: Fault;

  constructor(message: string, fault: Fault) {
    super(message);
    this.fault = fault;
  }
}

/** A field with a wrong value. @param param  where it stands: `stop[2]` */
export function wrongValue(param: string, message: string, code = 'invalid_value'): RequestError {
  return new RequestError(`${param}: ${message}`, {
    status: 400,
    type: 'invalid_request_error',
    code,
    param,
  });
}

/** Our errors, the most special first. */
const FAULTS: readonly [new (...args: never[]) => Error, Fault][] = [
  [ContextOverflowError, { status: 400, type: 'exceed_context_size_error', code: 'context_length_exceeded' }],
  [GrammarError, { status: 400, type: 'invalid_request_error', code: 'invalid_schema' }],
  [ConversationError, { status: 400, type: 'invalid_request_error', code: 'invalid_messages' }],
  [UnsupportedError, { status: 400, type: 'invalid_request_error', code: 'unsupported' }],
  [OutOfMemoryError, { status: 503, type: 'unavailable_error', code: 'out_of_memory', retryAfter: 5 }],
  [UnavailableError, { status: 503, type: 'unavailable_error', code: 'unavailable', retryAfter: 5 }],
  [EngineError, { status: 500, type: 'server_error', code: 'engine_error' }],
];

/** Any error as one that a client is told; what nobody foresaw keeps its message to itself. */
export function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  const fault = FAULTS.find(([kind]) => error instanceof kind)?.[1];
  if (fault) return new RequestError((error as Error).message, fault);
  return new RequestError('server: expected an answer, got an error of its own; the log has it', {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
  });
}

/** `{"error": {…}}` as OpenAI's clients read it. */
export function errorBody({ message, fault }: RequestError): { error: Record<string, unknown> } {
  const { type, code, param = null, more } = fault;
  return { error: { message, type, param, code, ...more } };
}

/** @param isPlain  whether the client speaks Ollama's API, where an error is a text */
export function errorResponse(error: RequestError, isPlain: boolean): Response {
  const { status, retryAfter } = error.fault;
  return Response.json(isPlain ? { error: error.message } : errorBody(error), {
    status,
    headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
  });
}
