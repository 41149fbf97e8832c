// A document as one line of JSON, in datatrove's form: `{"text", "id", "metadata": {…}}`. Flat rows are read too: what
// is not text, id or metadata becomes metadata.

import { FormatError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import type { TextDocument } from '../stage.ts';

/** Texts above this, in UTF-16 units, are removed unread: no web page is as long, and no filter keeps 100,000 words. */
export const MAX_TEXT_LENGTH = 10_000_000;

const LONE_SURROGATES = /\p{Surrogate}/gu;

/**
 * @param place where the line stands, for errors: `pages.jsonl:17`
 * @param id for a row without one
 * @throws FormatError when it is no document
 */
export function parseDocument(line: string, place: string, id: string): TextDocument {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    throw new FormatError(
      `expected one JSON document a line, got ${line === '' ? 'an empty line' : shown(line)}`,
      { file: place },
    );
  }
  return documentOf(row, place, id);
}

/** @throws FormatError when the row has no text */
export function documentOf(row: unknown, place: string, id: string): TextDocument {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new FormatError(`expected an object with a text, got ${shown(row)}`, {
      file: place,
    });
  }
  const { text, id: ownId, metadata, media: _, ...others } = row as Record<string, unknown>;
  if (typeof text !== 'string') {
    throw new FormatError(`expected a string, got ${shown(text)}`, {
      file: place,
      field: 'text',
    });
  }
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  return {
    id: typeof ownId === 'string' || typeof ownId === 'number' ? String(ownId) : id,
    text,
    metadata: isObject
      ? { ...metadata, ...others }
      : metadata === undefined
        ? others
        : { metadata, ...others },
  };
}

/** The text without lone surrogates, which UTF-8 cannot write: each becomes U+FFFD. */
export function wellFormed(text: string): string {
  LONE_SURROGATES.lastIndex = 0;
  return LONE_SURROGATES.test(text) ? text.replace(LONE_SURROGATES, '\ufffd') : text;
}

export function documentLine({ id, text, metadata }: TextDocument): string {
  const row = { text, id, metadata };
  try {
    return JSON.stringify(row);
  } catch {
    // A 64-bit integer is the one value that JSON refuses; a replacer makes every other document three times as slow.
    return JSON.stringify(row, asPlainNumber);
  }
}

/** Parquet's 64-bit integers: numbers where that is exact, otherwise their digits. */
export function asPlainNumber(_: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
    ? Number(value)
    : String(value);
}
