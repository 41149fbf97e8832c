// Runs blocks here or on threads. Results come back in the order of the blocks, and only so many blocks are on their
// way at once: the number of threads changes neither the output nor the memory in proportion to the input.

import { Worker } from 'node:worker_threads';
import { EngineError } from '../../base/errors.ts';
import { type Block, type BlockResult, type Phase, runBlock } from '../../data/pipeline/block.ts';
import type { WorkerJob, WorkerSetup } from './worker.ts';

/** Blocks on their way for each thread: one in work, two waiting, since blocks differ and come back in order. */
const AHEAD = 3;

interface Waiting {
  readonly resolve: (result: BlockResult) => void;
  readonly reject: (error: Error) => void;
  readonly worker: Worker;
}

export class BlockRunner {
  private readonly phases: readonly Phase[];
  /** With the blocks that each has been given and not given back. */
  private readonly workers = new Map<Worker, number>();
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  /** @param threads 1 runs in this thread */
  constructor(phases: readonly Phase[], recipePath: string, threads: number) {
    this.phases = phases;
    for (let i = 0; i < threads && threads > 1; i++) this.workers.set(this.start(recipePath), 0);
  }

  /** The results of the blocks, in their order. */
  async *run(blocks: AsyncIterable<Block>, phase: number): AsyncGenerator<BlockResult> {
    const pending: Promise<BlockResult>[] = [];
    for await (const block of blocks) {
      const result = this.runOne(block, phase);
      // A block that fails is reported when its turn comes, also if the reader fails first.
      result.catch(() => undefined);
      pending.push(result);
      if (pending.length >= Math.max(1, AHEAD * this.workers.size)) yield await pending.shift()!;
    }
    while (pending.length > 0) yield await pending.shift()!;
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers.keys()].map((worker) => worker.terminate()));
  }

  private async runOne(block: Block, phase: number): Promise<BlockResult> {
    if (this.workers.size === 0) return runBlock(block, this.phases[phase], () => performance.now());
    const id = this.next++;
    const [worker, load] = [...this.workers].reduce((a, b) => (b[1] < a[1] ? b : a));
    this.workers.set(worker, load + 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, worker });
      worker.postMessage({ id, phase, block } satisfies WorkerJob);
    });
  }

  private start(recipePath: string): Worker {
    const script = new URL('../../../dist/node/curate/worker.js', import.meta.url);
    const worker = new Worker(script, { workerData: { recipePath } satisfies WorkerSetup });
    worker.on('message', ({ id, result, error }: { id: number; result: BlockResult; error?: Error }) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      this.workers.set(worker, this.workers.get(worker)! - 1);
      if (error) waiting?.reject(error);
      else waiting?.resolve(result);
    });
    worker.on('error', (error: Error) => this.fail(worker, error));
    worker.on('exit', (code) => this.fail(worker, new EngineError(`thread: ended with exit code ${code}`)));
    return worker;
  }

  private fail(worker: Worker, error: Error): void {
    for (const [id, waiting] of this.waiting) {
      if (waiting.worker !== worker) continue;
      this.waiting.delete(id);
      waiting.reject(error);
    }
  }
}
