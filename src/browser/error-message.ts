// Errors on their way between threads: a structured clone keeps the message but not the class.

import {
  ContextOverflowError,
  EngineError,
  FormatError,
  OutOfMemoryError,
  UnavailableError,
  UnsupportedError,
} from '../base/errors.ts';

export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly file?: string;
  readonly field?: string;
  readonly offset?: number;
  readonly plan?: string;
}

const CLASSES: Record<string, new (message: string) => Error> = {
  ContextOverflowError,
  EngineError,
  UnavailableError,
  UnsupportedError,
  RangeError,
  TypeError,
};

export function errorToMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message } = error;
  if (error instanceof FormatError) {
    return { name, message, file: error.file, field: error.field, offset: error.offset };
  }
  return error instanceof OutOfMemoryError ? { name, message, plan: error.plan } : { name, message };
}

/** An error of the same class, message and members; one of an unknown class becomes an EngineError. */
export function errorFromMessage(sent: ErrorMessage): Error {
  const { name, message, file = '', field, offset, plan = '' } = sent;
  if (name === 'OutOfMemoryError') return new OutOfMemoryError(message, plan);
  if (name === 'FormatError') {
    return Object.assign(new FormatError('', { file, field, offset }), { message });
  }
  const known = CLASSES[name];
  if (known) return new known(message);
  return name === 'AbortError' ? new DOMException(message, name) : new EngineError(`${name}: ${message}`);
}
