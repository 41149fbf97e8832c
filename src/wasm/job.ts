// One pass of the network as numbers in shared memory: what the caller writes and every worker reads.
//
//   0 generation │ 1 finished generation │ 2 workers done │ 3 ids │ 4 sequences │ 5, 6 rows of logits
//   7 address of logits │ 8 values of logits │ 9 workers that take part │ 10 phase of the kernels (assembly/team.ts)
//   11 pages of memory │ 16 … ids │ then begin, count, startPos, cache of each sequence

import type { Sequence } from '../ops.ts';
import { MAX_ROWS } from './layout.ts';
import type { WasmKvCache, WasmVector } from './ops.ts';

export const GENERATION = 0;
export const FINISHED = 1;
export const DONE = 2;
export const NUM_ACTIVE = 9;
export const PHASE = 10;
export const NUM_PAGES = 11;
const FIRST_ID = 16;
const JOB_WORDS = FIRST_ID + MAX_ROWS + 4 * MAX_ROWS;
export const JOB_BYTES = JOB_WORDS * 4;

export interface Job {
  /** At most MAX_ROWS. */
  readonly ids: readonly number[];
  readonly sequences: readonly Sequence[];
  /** [first, last) */
  readonly logitRows: readonly [number, number];
  /** Where the logits of these rows go, all at once. */
  readonly logits: WasmVector;
}

export function jobWords(memory: WebAssembly.Memory, ptr: number): Int32Array {
  return new Int32Array(memory.buffer, ptr, JOB_WORDS);
}

export function writeJob(words: Int32Array, job: Job): void {
  const { ids, sequences, logitRows, logits } = job;
  words.set([ids.length, sequences.length, ...logitRows, logits.ptr, logits.length], 3);
  words.set(ids, FIRST_ID);
  for (const [index, { begin, count, startPos, cache }] of sequences.entries()) {
    words.set([begin, count, startPos, (cache as WasmKvCache).ptr], FIRST_ID + MAX_ROWS + 4 * index);
  }
}

export function readJob(words: Int32Array, cacheAt: (ptr: number) => WasmKvCache): Job {
  const [numIds, numSequences, first, last, ptr, length] = words.subarray(3, 9);
  const sequences = Array.from({ length: numSequences }, (_, index) => {
    const at = FIRST_ID + MAX_ROWS + 4 * index;
    const [begin, count, startPos, cachePtr] = words.subarray(at, at + 4);
    return { begin, count, startPos, cache: cacheAt(cachePtr >>> 0) };
  });
  return {
    ids: [...words.subarray(FIRST_ID, FIRST_ID + numIds)],
    sequences,
    logitRows: [first, last],
    logits: { ptr: ptr >>> 0, length },
  };
}
