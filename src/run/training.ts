// From a config to a machine that trains it: the one place that picks an engine for training, and knows beforehand
// what it takes.

import { OutOfMemoryError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import { ReferenceTraining } from '../reference/training.ts';
import { type Batch, Learner, type LearnerOptions } from '../train/learner.ts';
import { LocalMachine, type TrainingMachine } from '../train/machine.ts';
import { WasmTraining } from '../wasm/training.ts';
import { bindTrainingKernels, type TrainingKernels } from '../wasm/training-kernels.ts';
import type { TrainingShape } from '../wasm/training-memory.ts';
import { type TrainingPlatform, TrainingTeam } from './training-team.ts';

export interface TrainingOptions extends Omit<LearnerOptions, 'recomputes'> {
  readonly engine?: 'reference' | 'wasm';
  /** Worker threads; by default the platform's choice, and one where memory cannot be shared. */
  readonly threads?: number;
  /** Most rows of a pass (micro-batch × length). */
  readonly maxRows: number;
  /** Layer checkpointing; by default where the run does not fit otherwise. */
  readonly recomputes?: boolean;
}

/** What a training run takes in memory. */
export interface TrainingPlan {
  /** Of the memory of WebAssembly. */
  readonly bytes: number;
  /** Heaps of JavaScript beside it, about. */
  readonly heapBytes: number;
  /** Parameters, gradients and moments. */
  readonly stateBytes: number;
  /** Activations, their gradients, logits and scratch. */
  readonly passBytes: number;
  readonly recomputes: boolean;
}

/** What 32-bit addresses reach, in pages of 64 KiB. */
const MAX_PAGES = 65536;
const PAGE = 65536;

/** The heap of JavaScript of a worker, and as much for the thread that reads and writes (Node 20 and 24). */
const HEAP_BYTES = 40e6;

/**
 * The memory of a run, by a rehearsal: the step is gone through with kernels that do nothing and a memory that only
 * counts, so the plan is exact.
 */
export function planTraining(config: ModelConfig, options: TrainingOptions): TrainingPlan {
  // One activation of all rows alone: a rehearsal of what cannot be would take minutes, and gigabytes of lists.
  const bytes = 4 * options.maxRows * config.hiddenSize;
  if (bytes > MAX_PAGES * PAGE)
    return { bytes, passBytes: bytes, heapBytes: 0, stateBytes: 0, recomputes: true };
  const chosen = options.recomputes;
  const first = rehearse(config, options, chosen ?? false);
  if (chosen !== undefined || first.bytes <= MAX_PAGES * PAGE) return first;
  return rehearse(config, options, true);
}

/** @throws OutOfMemoryError when the run does not fit, before anything is asked for */
export async function openTraining(
  config: ModelConfig,
  options: TrainingOptions,
  platform: TrainingPlatform,
): Promise<TrainingMachine> {
  if (options.engine === 'reference') {
    const { recomputes = false } = options;
    return new LocalMachine(new Learner(new ReferenceTraining(), config, { ...options, recomputes }));
  }
  const isShared = platform.spawn !== undefined;
  const threads = isShared ? (options.threads ?? platform.defaultThreads) : 1;
  const plan = planTraining(config, { ...options, threads });
  const pages = Math.ceil(plan.bytes / PAGE);
  if (pages > MAX_PAGES) throw doesNotFit(plan);
  const { maxRows, maxSeqLen } = options;
  const shape = { numWorkers: threads, maxRows, maxSeqLen, isWide: platform.isWide };
  const learning = { ...options, recomputes: plan.recomputes };
  const memory = makeMemory(pages, isShared, plan);
  const module = await platform.loadModule(isShared ? 'training' : 'training-single');
  if (!isShared) {
    const engine = new WasmTraining(bindTrainingKernels(module, memory), memory.buffer, shape, 0);
    return new LocalMachine(new Learner(engine, config, learning));
  }
  // This thread reads and writes the memory, and computes nothing: its kernels are the rehearsal's.
  const view = new Learner(new WasmTraining(IDLE_KERNELS, memory.buffer, shape, 0), config, learning);
  return TrainingTeam.start(view, { module, memory, config, shape, options: learning }, platform);
}

function rehearse(config: ModelConfig, options: TrainingOptions, recomputes: boolean): TrainingPlan {
  const { maxRows, maxSeqLen, threads = 1 } = options;
  const shape: TrainingShape = { numWorkers: threads, maxRows, maxSeqLen };
  const engine = new WasmTraining(IDLE_KERNELS, new ArrayBuffer(0), shape, 0);
  const learner = new Learner(engine, config, { ...options, recomputes });
  const stateBytes = engine.memory.peak;
  const lengths = Array.from({ length: Math.floor(maxRows / maxSeqLen) }, () => maxSeqLen);
  if (maxRows % maxSeqLen > 0) lengths.push(maxRows % maxSeqLen);
  const ids = new Array<number>(maxRows).fill(0);
  const batch: Batch = { ids, labels: ids, sequenceLengths: lengths };
  learner.gradients(batch, new Array<number>(maxRows).fill(1));
  const { peak: bytes } = engine.memory;
  const heapBytes = HEAP_BYTES * (threads + 1);
  return { bytes, heapBytes, stateBytes, passBytes: bytes - stateBytes, recomputes };
}

/** Kernels that do nothing. */
const IDLE_KERNELS = new Proxy({} as TrainingKernels, { get: () => () => 0 });

function makeMemory(pages: number, shared: boolean, plan: TrainingPlan): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch {
    throw doesNotFit(plan);
  }
}

function doesNotFit(plan: TrainingPlan): OutOfMemoryError {
  const lines = [
    `parameters, gradients, moments  ${megabytes(plan.stateBytes)}`,
    `activations and scratch         ${megabytes(plan.passBytes)}`,
  ];
  return new OutOfMemoryError(
    `training: expected at most ${megabytes(MAX_PAGES * PAGE)} that this machine grants, got a plan of ` +
      `${megabytes(plan.bytes)}; make micro-batches or sequences smaller, or tune adapters (LoRA)`,
    lines.join('\n'),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
