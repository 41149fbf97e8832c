// Runs blocks here or on threads. Results come back in the order of the blocks, and only so many blocks are on their
// way at once: the number of threads changes neither the output nor the memory in proportion to the input.

import { Worker } from 'node:worker_threads';
import { EngineError } from '../../base/errors.ts';
import { emptyTallies, type Phase, runBlock } from '../../data/pipeline/block.ts';
import { added, type Tally } from '../../data/pipeline/tally.ts';
import { buffersOf, decodedBlock, type ReadBlock, type WrittenBlock, writtenBlock } from './block-bytes.ts';
import type { WorkerJob, WorkerSetup } from './worker.ts';

/** Blocks on their way for each thread: one in work, two waiting, since blocks differ and come back in order. */
const AHEAD = 3;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly worker: Worker;
}

export class BlockRunner {
  private readonly phases: readonly Phase[];
  /** With the blocks that each has been given and not given back. */
  private readonly workers = new Map<Worker, number>();
  private readonly waiting = new Map<number, Waiting>();
  private failure: Error | undefined;
  private next = 0;

  /** @param threads 1 runs in this thread; of more, this one reads and writes for all */
  constructor(phases: readonly Phase[], recipePath: string, threads: number) {
    this.phases = phases;
    for (let i = 0; i < threads && threads > 1; i++) this.workers.set(this.start(recipePath), 0);
  }

  /** The results of the blocks, in their order, and in the end what was counted. */
  async *run(blocks: AsyncIterable<ReadBlock>, phase: number): AsyncGenerator<WrittenBlock, Tally[]> {
    const own = emptyTallies(this.phases[phase]);
    const pending: Promise<WrittenBlock>[] = [];
    for await (const block of blocks) {
      const result = this.runOne(block, phase, own);
      // A block that fails is reported when its turn comes, also if the reader fails first.
      result.catch(() => undefined);
      pending.push(result);
      if (pending.length >= Math.max(1, AHEAD * this.workers.size)) yield await pending.shift()!;
    }
    while (pending.length > 0) yield await pending.shift()!;
    const parts = [...this.workers.keys()].map((worker) => this.ask<Tally[]>(worker, phase, undefined));
    return (await Promise.all(parts)).reduce((a, b) => a.map((tally, s) => added(tally, b[s])), own);
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers.keys()].map((worker) => worker.terminate()));
  }

  private async runOne(block: ReadBlock, phase: number, tallies: Tally[]): Promise<WrittenBlock> {
    if (this.workers.size === 0) {
      const result = runBlock(decodedBlock(block), this.phases[phase], tallies, () => performance.now());
      return writtenBlock(result, block.numRows);
    }
    const [worker] = [...this.workers].reduce((a, b) => (b[1] < a[1] ? b : a));
    return this.ask(worker, phase, block);
  }

  /** A block through a phase, or for `undefined` the tallies of all that this thread has done in it. */
  private ask<Answer>(worker: Worker, phase: number, block: ReadBlock | undefined): Promise<Answer> {
    const id = this.next++;
    this.workers.set(worker, this.workers.get(worker)! + 1);
    return new Promise<Answer>((resolve, reject) => {
      if (this.failure) throw this.failure;
      this.waiting.set(id, { resolve, reject, worker });
      worker.postMessage({ id, phase, block } satisfies WorkerJob, block ? buffersOf(block) : []);
    });
  }

  private start(recipePath: string): Worker {
    const script = new URL('../../../dist/node/curate/worker.js', import.meta.url);
    const worker = new Worker(script, { workerData: { recipePath } satisfies WorkerSetup });
    worker.on('message', ({ id, result, error }: { id: number; result: never; error?: Error }) => {
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
    this.failure ??= error;
    for (const [id, waiting] of this.waiting) {
      if (waiting.worker !== worker) continue;
      this.waiting.delete(id);
      waiting.reject(error);
    }
  }
}
