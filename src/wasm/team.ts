// Starting, feeding and stopping workers. A job is a few numbers in shared memory and a wake-up; every worker runs
// the whole program, and kernels share the work (assembly/team.ts). The caller awaits and never blocks.
// The other side is member.ts; next step of the walk: src/run/team-worker.ts, which runs in every worker.

import { EngineError } from '../base/errors.ts';
import type { Chunk } from '../ops.ts';
import type { WasmEngine } from './engine.ts';
import { FINISHED, GENERATION, jobWords, NUM_PAGES, nextGeneration, PHASE, writeJob } from './job.ts';
import { WASM_PAGE } from './layout.ts';
import { Pace } from './pace.ts';
import type { TeamWorker, WasmPlatform } from './platform.ts';

/** What a worker gets when it starts: everything but the jobs. Survives a structured clone. */
export interface TeamSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the job (job.ts) and of this worker's record. */
  readonly job: number;
  readonly record: number;
  readonly index: number;
  /** The last generation that was finished: later ones are this team's. */
  readonly generation: number;
  /** Tell the end of a job by a message: the caller's thread cannot wait for memory without blocking. */
  readonly reports: boolean;
  readonly network: unknown;
}

/** What a worker says. */
export type MemberMessage =
  | { readonly kind: 'finished' }
  | { readonly kind: 'failed'; readonly reason: string };

interface WaitAsync {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { readonly async: boolean; readonly value: Promise<string> | string };
}

/** Milliseconds between two polls for a finished job, where nothing wakes the caller. */
const POLL_MS = 250;

/** Longer passes are always the whole team's: their phases are long enough that it is never slower than one worker. */
const FEW_ROWS = 8;

/** Firefox has had it since version 145, the others for longer. */
const HAS_WAIT_ASYNC = 'waitAsync' in Atomics;

export class Team {
  readonly numThreads: number;
  private readonly platform: WasmPlatform;
  private readonly canWaitAsync: boolean;
  private readonly engine: WasmEngine;
  private readonly network: unknown;
  private workers: TeamWorker[] = [];
  private generation = 0;
  private isClosed = false;
  private stopPolling = (): void => {};
  private readonly pace: Pace;
  private settle: { finish: () => void; fail: (error: EngineError) => void } | undefined;

  /** @param network what the workers' programs run on: a Network of src/model, in handles of `engine` */
  constructor(platform: WasmPlatform, engine: WasmEngine, network: unknown, numThreads: number) {
    this.platform = platform;
    this.canWaitAsync = platform.canWaitAsync ?? HAS_WAIT_ASYNC;
    this.engine = engine;
    this.network = network;
    this.numThreads = numThreads;
    this.pace = new Pace(numThreads);
  }

  /**
   * Computes one job; one at a time.
   *
   * @throws EngineError when a worker died; the next job starts a new team
   */
  async run(program: number, chunk: Chunk): Promise<void> {
    if (this.isClosed)
      throw new EngineError('engine: expected a model that is open, got one that was closed');
    const { linearMemory: memory, scratch } = this.engine;
    const records = scratch.team(this.numThreads);
    if (this.workers.length === 0) this.start(records);
    const words = jobWords(memory, scratch.jobPtr);
    writeJob(words, { program, chunk });
    const isShort = chunk.ids.length <= FEW_ROWS;
    const numActive = isShort ? this.pace.next() : this.numThreads;
    words[PHASE] = scratch.openPhase();
    words[NUM_PAGES] = memory.buffer.byteLength / WASM_PAGE;
    const previous = this.generation;
    this.generation = nextGeneration(previous, numActive);
    const start = performance.now();
    for (const worker of this.workers) worker.hold?.(true);
    try {
      await new Promise<void>((finish, fail) => {
        this.settle = { finish, fail };
        Atomics.store(words, GENERATION, this.generation);
        Atomics.notify(words, GENERATION);
        if (this.canWaitAsync) this.awaitFinish(words, previous);
      });
      if (isShort) this.pace.report(numActive, (performance.now() - start) / chunk.ids.length);
    } finally {
      this.settle = undefined;
      for (const worker of this.workers) worker.hold?.(false);
    }
  }

  /** Ends every worker; a job under way fails, and so does every later one. */
  close(): void {
    this.isClosed = true;
    this.fail('the model was closed');
  }

  private start(records: readonly number[]): void {
    const { module, linearMemory: memory, scratch } = this.engine;
    const { jobPtr: job } = scratch;
    const words = jobWords(memory, job);
    words.fill(0);
    Atomics.store(words, GENERATION, this.generation);
    Atomics.store(words, FINISHED, this.generation);
    this.workers = records.map((record, index) => {
      const spawn = this.platform.spawn;
      if (!spawn) throw new EngineError('team: expected a platform with workers, got one without');
      const worker = spawn({
        // A team may say several things at once; only those of the present one count.
        onMessage: (message) => this.workers.includes(worker) && this.hear(message as MemberMessage),
        onEnd: (reason) => this.workers.includes(worker) && this.fail(reason),
      });
      const setup: TeamSetup = {
        module,
        memory,
        job,
        network: this.network,
        record,
        index,
        generation: this.generation,
        reports: !this.canWaitAsync,
      };
      worker.postMessage(setup);
      return worker;
    });
  }

  private hear(message: MemberMessage): void {
    if (message.kind === 'finished') this.settle?.finish();
    else this.fail(message.reason);
  }

  private awaitFinish(words: Int32Array, previous: number): void {
    const { waitAsync } = Atomics as unknown as WaitAsync;
    const finish = this.settle?.finish;
    // The notification of the job before may come late and wake this one too early, and one might be lost: only
    // the number counts, and it is looked at from time to time.
    const isOver = (): boolean => Atomics.load(words, FINISHED) !== previous;
    const timer = setInterval(() => isOver() && done(), POLL_MS);
    const done = (): void => {
      clearInterval(timer);
      finish?.();
    };
    this.stopPolling = () => clearInterval(timer);
    const look = (): void => {
      if (isOver()) {
        done();
        return;
      }
      const waited = waitAsync(words, FINISHED, previous);
      if (waited.async) (waited.value as Promise<string>).then(look);
      else look();
    };
    look();
  }

  private fail(reason: string): void {
    const { workers, settle } = this;
    this.workers = [];
    this.stopPolling();
    for (const worker of workers) worker.terminate();
    if (workers.length > 0) this.engine.scratch.clearControls();
    const next = this.isClosed ? '' : '; the next call starts a new team';
    settle?.fail(new EngineError(`engine: a worker stopped (${reason})${next}`));
  }
}
