// What every malformed file must end in: one FormatError that names file, field and byte, soon, and without
// reading more than the file.

import { expect } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import type { Source } from '../../src/format/source.ts';
import { countingSource } from './tiny-gguf.ts';

/** One way to break a file: what is wrong, the bytes, and the field that the error must name. */
export type Malformed = readonly [what: string, bytes: Uint8Array, field: RegExp];

export async function expectFormatError(
  [what, bytes, field]: Malformed,
  open: (source: Source) => Promise<unknown>,
): Promise<void> {
  const { source, count } = countingSource(bytes);
  const error = await open(source).then(
    () => new Error('it was accepted'),
    (reason) => reason,
  );
  expect(error, `${what}: ${error.message}`).toBeInstanceOf(FormatError);
  expect(error.file).toBe('tiny.gguf');
  expect(error.field, `${what}: ${error.message}`).toMatch(field);
  expect(error.message).toMatch(/expected|got/);
  expect(error.offset, `${what}: ${error.message}`).toBeGreaterThanOrEqual(0);
  expect(error.offset).toBeLessThanOrEqual(bytes.length);
  expect(count.largest).toBeLessThanOrEqual(bytes.length);
  expect(count.bytes).toBeLessThanOrEqual(2 * bytes.length);
}
