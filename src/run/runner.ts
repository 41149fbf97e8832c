// Where a model's chunks are computed. Two places do: the calling thread (here), and a team of workers over shared
// memory (src/wasm/team.ts). A model behind a page's worker has its runner there (src/browser/remote-model.ts).
// Next step of the walk: src/model/transformer.ts, which both run.

import { EngineError } from '../base/errors.ts';
import { eventLoopTurn } from '../base/turn.ts';
import type { Network } from '../model/pass.ts';
import { PROGRAMS } from '../model/transformer.ts';
import type { Chunk, Ops } from '../ops.ts';

export interface Runner {
  /** Threads that compute. */
  readonly numThreads: number;
  /** Most rows · positions of a chunk, where longer ones would keep somebody waiting. */
  readonly maxRowPositions?: number;
  /**
   * Computes one chunk, one at a time; the results lie in the workspace afterwards.
   *
   * @param program index of src/model/transformer.ts's PROGRAMS
   * @throws EngineError when a kernel or a worker failed; the next call works
   */
  run(program: number, chunk: Chunk): Promise<void>;
  close(): void;
}

const TURN_MS = 16; // between two turns of the event loop, where a block does not take longer

/**
 * Rows · positions of a chunk in the calling thread: attention of 128 rows after 7,900 positions took 174 ms a layer of
 * the 135M model, which nobody may wait for; 33 rows take a quarter of that. Chunks change no bit.
 */
const MAX_ROW_POSITIONS = 2 ** 18;

/** Computes in the calling thread, which takes a turn of its event loop between blocks now and then. */
export function here(ops: Ops, network: Network): Runner {
  let lastTurn = 0;
  return {
    numThreads: 1,
    maxRowPositions: MAX_ROW_POSITIONS,
    async run(program, chunk) {
      try {
        for (const _ of PROGRAMS[program](ops, network, chunk)) {
          if (performance.now() - lastTurn < TURN_MS) continue;
          await eventLoopTurn();
          lastTurn = performance.now();
        }
      } catch (error) {
        throw asEngineError(error);
      }
    },
    close() {},
  };
}

/** A trap of a kernel as what it means to the caller; other errors as they are. */
export function asEngineError(error: unknown): unknown {
  if (!(error instanceof WebAssembly.RuntimeError)) return error;
  return new EngineError(`engine: a kernel trapped (${error.message}); the next call works`);
}
