// Items of benchmarks: rows of a file of their own (`{"task", "id", "query", "answer"}` a line), or of the benchmarks
// that src/eval knows, from the folder where their files are.

import { UnavailableError } from '../../base/errors.ts';
import { parseRows, type Row } from '../../eval/rows.ts';
import type { Task } from '../../eval/task.ts';
import type { Resources } from '../stage.ts';
import type { BenchmarkItem } from './contamination.ts';

/** @throws FormatError for a row without a query and an answer */
export async function itemsOfFile(path: string, resources: Resources): Promise<BenchmarkItem[]> {
  return parseRows(path, await readText(path, resources)).map((row) => ({
    task: row.has('task') ? row.text('task') : path,
    id: row.has('id') ? String(row.raw('id')) : String(row.index),
    query: row.has('query') ? row.text('query') : '',
    answer: row.text('answer'),
  }));
}

/** The question without its instruction, and the right answer. */
export async function itemsOfTask(
  task: Task,
  folder: string,
  resources: Resources,
): Promise<BenchmarkItem[]> {
  const { file } = task.dataset;
  const path = `${folder.replace(/\/$/, '')}/${file}`;
  const text = await readText(path, resources).catch((error: unknown) => {
    if (error instanceof UnavailableError) return readText(`${path}.gz`, resources);
    throw error;
  });
  return parseRows(file, text).map((row) => itemOf(task, row));
}

function itemOf(task: Task, row: Row): BenchmarkItem {
  const doc = task.doc(row, 'lm-eval');
  const answer = doc.choices ? doc.choices[doc.gold ?? 0] : doc.target;
  return { task: task.name, id: String(row.index), query: doc.query, answer };
}

async function readText(path: string, resources: Resources): Promise<string> {
  const bytes = await resources.readBytes(path);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isGzip) return new TextDecoder().decode(bytes);
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  return new Response(packed.pipeThrough(new DecompressionStream('gzip'))).text();
}
