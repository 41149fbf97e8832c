// One chunk of a pass and what to do with it, as numbers in shared memory: the caller writes, every worker reads.
//
//   0 generation │ 1 finished generation │ 2 workers done │ 3 program │ 4 ids │ 5 sequences │ 6 logits done
//   10 phase of the kernels (assembly/team.ts) │ 11 pages of memory
//   16 … ids │ what is wanted of each │ then begin, count, startPos, cache of each sequence

import type { Chunk } from '../ops.ts';
import { MAX_ROWS } from './layout.ts';
import type { WasmKvCache } from './ops.ts';

export const GENERATION = 0;
export const FINISHED = 1;
export const DONE = 2;
export const PHASE = 10;
export const NUM_PAGES = 11;
const FIRST_ID = 16;
const FIRST_WANTED = FIRST_ID + MAX_ROWS;
const FIRST_SEQUENCE = FIRST_WANTED + MAX_ROWS;
const JOB_WORDS = FIRST_SEQUENCE + 4 * MAX_ROWS;
export const JOB_BYTES = JOB_WORDS * 4;

/** Bits of a generation that say how many workers take part. */
const ACTIVE_BITS = 8;

/**
 * The word for the next job: its number and its workers together. A worker that sits a job out may look so late that
 * the next one is being written, so all that it reads must come in one load: with a word for each, it took the old
 * number with the new workers, computed the same job twice, and the team waited for ever.
 */
export function nextGeneration(generation: number, numActive: number): number {
  return (((generation >> ACTIVE_BITS) + 1) << ACTIVE_BITS) | numActive;
}

export function activeIn(generation: number): number {
  return generation & ((1 << ACTIVE_BITS) - 1);
}

export interface Job {
  /** Number of a program that all workers know (src/model/transformer.ts). */
  readonly program: number;
  /** At most MAX_ROWS rows. */
  readonly chunk: Chunk;
}

export function jobWords(memory: WebAssembly.Memory, ptr: number): Int32Array {
  return new Int32Array(memory.buffer, ptr, JOB_WORDS);
}

export function writeJob(words: Int32Array, { program, chunk }: Job): void {
  const { ids, sequences, wanted, logitsDone } = chunk;
  words.set([program, ids.length, sequences.length, logitsDone], 3);
  words.set(ids, FIRST_ID);
  words.set(wanted, FIRST_WANTED);
  for (const [index, { begin, count, startPos, cache }] of sequences.entries()) {
    words.set([begin, count, startPos, (cache as WasmKvCache).ptr], FIRST_SEQUENCE + 4 * index);
  }
}

export function readJob(words: Int32Array, cacheAt: (ptr: number) => WasmKvCache): Job {
  const [program, numIds, numSequences, logitsDone] = words.subarray(3, 7);
  const sequences = Array.from({ length: numSequences }, (_, index) => {
    const at = FIRST_SEQUENCE + 4 * index;
    const [begin, count, startPos, cachePtr] = words.subarray(at, at + 4);
    return { begin, count, startPos, cache: cacheAt(cachePtr >>> 0) };
  });
  const rows = (first: number) => [...words.subarray(first, first + numIds)];
  return { program, chunk: { ids: rows(FIRST_ID), sequences, wanted: rows(FIRST_WANTED), logitsDone } };
}
