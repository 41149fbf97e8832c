// Training on a team of workers: each has a Learner over the same memory and is told the same calls; kernels share
// the work (assembly/team.ts). A call is a message to every worker and is over when all have answered, so nobody
// reads or writes what another still needs. The workers' side is training-worker.ts.

import { EngineError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import type { RowLosses } from '../ops-backward.ts';
import type { Batch, Learner, LearnerOptions, UpdateOptions } from '../train/learner.ts';
import { LocalMachine, type StateKind, type TrainingMachine } from '../train/machine.ts';
import type { TeamListener, TeamWorker } from '../wasm/platform.ts';
import type { TrainingShape, WasmBuffer } from '../wasm/training-memory.ts';

/** What training needs from the machine it runs on: node/train/platform.ts, browser/training-platform.ts. */
export interface TrainingPlatform {
  /** Compiled kernels of training: for shared memory, or for one thread without it. */
  loadModule(build: 'training' | 'training-single'): Promise<WebAssembly.Module>;
  /** Starts a worker that runs training-worker.ts; absent where there is no shared memory. */
  readonly spawn?: (listener: TeamListener) => TeamWorker;
  readonly defaultThreads: number;
  /** See TrainingShape. */
  readonly isWide?: boolean;
}

/** What a worker gets when it starts. */
export interface TrainingSetup {
  readonly kind: 'training';
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly config: ModelConfig;
  readonly shape: TrainingShape;
  readonly options: LearnerOptions;
  readonly index: number;
}

/** A call of the learner. */
export type TrainingCall =
  | { readonly call: 'gradients'; readonly batch: Batch; readonly rowWeights: readonly number[] }
  | { readonly call: 'losses'; readonly batch: Batch }
  | { readonly call: 'gradientSquares' }
  | { readonly call: 'update'; readonly options: UpdateOptions; readonly norm: number }
  | { readonly call: 'clearGradients' };

/** What a worker says: it is done (the first one with the result), or it failed. */
export type TrainingReply =
  | { readonly kind: 'done'; readonly result?: unknown }
  | { readonly kind: 'failed'; readonly reason: string };

export class TrainingTeam implements TrainingMachine {
  readonly config: ModelConfig;
  readonly engineName = 'wasm';
  readonly parameters: TrainingMachine['parameters'];
  private readonly view: LocalMachine<WasmBuffer>;
  private workers: TeamWorker[] = [];
  private waiting = 0;
  private result: unknown;
  private settle: { finish: (result: unknown) => void; fail: (error: EngineError) => void } | undefined;

  private constructor(view: Learner<WasmBuffer>) {
    this.view = new LocalMachine(view);
    this.config = view.config;
    this.parameters = this.view.parameters;
  }

  /** @param view a learner over the same memory, for reading and writing */
  static async start(
    view: Learner<WasmBuffer>,
    setup: Omit<TrainingSetup, 'kind' | 'index' | 'options'> & { readonly options: LearnerOptions },
    platform: TrainingPlatform,
  ): Promise<TrainingTeam> {
    const team = new TrainingTeam(view);
    const { maxSeqLen, recomputes, trainedNames, withoutMoments, adapters } = setup.options;
    const options = { maxSeqLen, recomputes, trainedNames, withoutMoments, adapters };
    team.workers = Array.from({ length: setup.shape.numWorkers }, () => {
      const { spawn } = platform;
      if (!spawn) throw new EngineError('training: expected a platform with workers, got one without');
      const worker: TeamWorker = spawn({
        onMessage: (message) => team.workers.includes(worker) && team.hear(message as TrainingReply),
        onEnd: (reason) => team.workers.includes(worker) && team.fail(reason),
      });
      return worker;
    });
    await team.ask((worker, index) => {
      const message: TrainingSetup = { kind: 'training', ...setup, options, index };
      worker.postMessage(message);
    });
    return team;
  }

  gradients(batch: Batch, rowWeights: readonly number[]): Promise<RowLosses> {
    return this.tell<RowLosses>({ call: 'gradients', batch, rowWeights });
  }

  losses(batch: Batch): Promise<RowLosses> {
    return this.tell<RowLosses>({ call: 'losses', batch });
  }

  gradientSquares(): Promise<number[]> {
    return this.tell<number[]>({ call: 'gradientSquares' });
  }

  async update(options: UpdateOptions, norm: number): Promise<void> {
    await this.tell({ call: 'update', options, norm });
  }

  async clearGradients(): Promise<void> {
    await this.tell({ call: 'clearGradients' });
  }

  read(kind: StateKind, name: string): Float64Array | Float32Array {
    return this.view.read(kind, name);
  }

  write(kind: StateKind, name: string, values: ArrayLike<number>): void {
    this.view.write(kind, name, values);
  }

  async close(): Promise<void> {
    this.fail('the run was closed');
  }

  private tell<Result>(call: TrainingCall): Promise<Result> {
    return this.ask((worker) => worker.postMessage(call)) as Promise<Result>;
  }

  private async ask(post: (worker: TeamWorker, index: number) => void): Promise<unknown> {
    const { workers } = this;
    if (workers.length === 0)
      throw new EngineError('training: expected a team at work, got one that stopped');
    this.waiting = workers.length;
    for (const worker of workers) worker.hold?.(true);
    try {
      return await new Promise((finish, fail) => {
        this.settle = { finish, fail };
        for (const [index, worker] of workers.entries()) post(worker, index);
      });
    } finally {
      this.settle = undefined;
      for (const worker of workers) worker.hold?.(false);
    }
  }

  private hear(reply: TrainingReply): void {
    if (reply.kind === 'failed') {
      this.fail(reply.reason);
      return;
    }
    if (reply.result !== undefined) this.result = reply.result;
    if (--this.waiting > 0) return;
    const { result } = this;
    this.result = undefined;
    this.settle?.finish(result);
  }

  private fail(reason: string): void {
    const { workers } = this;
    this.workers = [];
    for (const worker of workers) worker.terminate();
    this.settle?.fail(
      new EngineError(`training: a worker stopped (${reason}); the last checkpoint is whole`),
    );
  }
}
