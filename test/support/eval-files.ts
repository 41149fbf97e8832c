// Evaluation files of the shared folder, for tests that compare whole benchmarks with pinned values. They are
// not part of the repository; CI has them beside the checkout, where missing files must not look like
// success.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Dataset, parseRows, type Row } from '../../src/eval/rows.ts';

const FOLDER = new URL('../../../shared/eval-data/', import.meta.url);

/**
 * False only where the folder is absent and this is not CI: then the tests of a file are skipped, with a
 * reason.
 */
export const hasEvalFiles = existsSync(FOLDER) || Boolean(process.env.CI);
if (!hasEvalFiles) console.warn(`no evaluation files at ${FOLDER.pathname}: tests on them are skipped`);

export function evalText(file: string): string {
  const bytes = readFileSync(new URL(file, FOLDER));
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

export function evalRows(dataset: Dataset | 'same' | undefined): Row[] {
  if (dataset === undefined || dataset === 'same') return [];
  return parseRows(dataset.file, evalText(dataset.file));
}

export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Python's `json.dumps` of nested lists of texts: ASCII escapes, a blank after each comma. */
export function pythonJson(value: readonly unknown[]): string {
  const parts = value.map((item) => {
    if (Array.isArray(item)) return pythonJson(item);
    const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return JSON.stringify(item).replace(/[\u007f-\uffff]/g, escaped);
  });
  return `[${parts.join(', ')}]`;
}
