// Evaluation files of the folder of data that may not be part of the project (docs/guides/evaluate.md says where each
// comes from), for tests that compare whole benchmarks with pinned values.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Dataset, parseRows, type Row } from '../../src/eval/rows.ts';
import { sharedFile } from './shared.ts';

export function evalText(file: string): string {
  const bytes = readFileSync(sharedFile(`eval-data/${file}`));
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
