// What runs in every worker of a training team: a Learner, and calls that arrive as messages. Entries:
// node/training-worker.ts and browser/training-worker.ts, which only differ in how messages arrive.

import { Learner } from '../train/learner.ts';
import { WasmTraining } from '../wasm/training.ts';
import { bindTrainingKernels } from '../wasm/training-kernels.ts';
import type { WasmBuffer } from '../wasm/training-memory.ts';
import type { TrainingCall, TrainingReply, TrainingSetup } from './training-team.ts';

/** Answers one message after the other. */
export class TrainingWorker {
  private readonly post: (reply: TrainingReply) => void;
  private learner: Learner<WasmBuffer> | undefined;
  private isFirst = false;

  constructor(post: (reply: TrainingReply) => void) {
    this.post = post;
  }

  hear(message: TrainingSetup | TrainingCall): void {
    try {
      const result = 'call' in message ? this.run(message) : this.setUp(message);
      this.post({ kind: 'done', ...(this.isFirst && result !== undefined && { result }) });
    } catch (error) {
      this.post({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  }

  private setUp({ module, memory, config, shape, options, index }: TrainingSetup): void {
    this.isFirst = index === 0;
    const engine = new WasmTraining(bindTrainingKernels(module, memory), memory.buffer, shape, index);
    this.learner = new Learner(engine, config, options);
  }

  private run(message: TrainingCall): unknown {
    const { learner } = this;
    if (!learner) throw new RangeError('worker: expected to be set up first');
    switch (message.call) {
      case 'gradients':
        return learner.gradients(message.batch, message.rowWeights);
      case 'losses':
        return learner.losses(message.batch);
      case 'gradientSquares':
        return learner.gradientSquares();
      case 'update':
        return learner.update(message.options, message.norm);
      case 'clearGradients':
        return learner.clearGradients();
    }
  }
}
