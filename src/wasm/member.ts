// A worker's side of a team: wait for a job, hand it out, say when the last worker is done. The other side is team.ts.

import {
  activeIn,
  DONE,
  FINISHED,
  GENERATION,
  type Job,
  jobWords,
  NUM_PAGES,
  PHASE,
  readJob,
} from './job.ts';
import { instantiate } from './kernels.ts';
import { WASM_PAGE } from './layout.ts';
import { beginPass, readMember, type WasmKvCache, WasmOps } from './ops.ts';
import { CACHE } from './records.ts';
import type { MemberMessage, TeamSetup } from './team.ts';

/** The operations of this worker, and a job for them; asking for the next job says that this one is done. */
export interface MemberJob extends Job {
  readonly ops: WasmOps;
}

/** The jobs of a team, as they come, until the worker is terminated. Blocks its thread. */
export function* jobs(setup: TeamSetup, post: (message: MemberMessage) => void): Generator<MemberJob, never> {
  const { memory } = setup;
  // Scratch may have moved since the last job, so the record is read anew for each.
  let member = readMember(memory, setup.record);
  const ops = new WasmOps(instantiate(setup.module, memory), memory, () => member);
  const words = jobWords(memory, setup.job);
  for (let seen = setup.generation; ; ) {
    Atomics.wait(words, GENERATION, seen, NAP_MS);
    // A worker that saw the new generation at once may have computed it and wait again before the caller's
    // notification of it goes out: that one is not for another job.
    const generation = Atomics.load(words, GENERATION);
    if (generation === seen) continue;
    seen = generation;
    const numActive = activeIn(seen);
    if (setup.index >= numActive) continue;
    // A thread learns late that another has grown the memory; asking for nothing more tells it now.
    if (memory.buffer.byteLength / WASM_PAGE < words[NUM_PAGES]) memory.grow(0);
    beginPass(memory, setup.record, numActive, words[PHASE]);
    member = readMember(memory, setup.record);
    yield { ops, ...readJob(words, (ptr) => cacheAt(memory, ptr)) };
    if (Atomics.add(words, DONE, 1) === numActive - 1) {
      Atomics.store(words, DONE, 0);
      Atomics.store(words, FINISHED, seen);
      Atomics.notify(words, FINISHED);
      if (setup.reports) post({ kind: 'finished' });
    }
  }
}

/** A cache's handle, out of its record. */
function cacheAt(memory: WebAssembly.Memory, ptr: number): WasmKvCache {
  const { numHeads, numKvHeads, headDim } = CACHE.read(memory, ptr);
  return { ptr, length: 0, maxSeqLen: 0, numHeads, numKvHeads, headDim };
}

/** A worker that waits for a job looks again after this long, should a wake-up be lost. */
const NAP_MS = 1000;
