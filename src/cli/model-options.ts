// The options that every command with a model takes, and opening the model that they name.

import { availableParallelism } from 'node:os';
import { closedOnError } from '../base/close-on-error.ts';
import { UnavailableError } from '../base/errors.ts';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { Model } from '../model/model.ts';
import { besideAdapter } from '../node/adapter.ts';
import { NANO } from '../node/find-weights.ts';
import { loadModel } from '../node/index.ts';
import { openNode } from '../node/open.ts';
import type { LoadOptions } from '../run/load.ts';
import { bind, type SmolLM2 } from '../smollm2.ts';
import type { Arguments, Command } from './arguments.ts';
import { interruptible, type Status } from './terminal.ts';

/** Adds `--model`. */
export function modelOption(command: Command): Command {
  return command.option(
    '-m, --model <model>',
    '135m, 360m, 1.7b (-instruct or -base), nano, owner/name[:file], URL, .gguf file or HF folder ' +
      `(default: ${DEFAULT_MODEL})`,
  );
}

/** Adds `--model` and how it is computed. */
export function engineOptions(command: Command): Command {
  return modelOption(command)
    .option('--engine <engine>', 'wasm (fast) or reference (float64, slow)')
    .option('--precision <precision>', 'of the wasm engine: fast or precise')
    .option('--relaxed', 'kernels with relaxed SIMD: faster, not bit-equal across machines (see doctor)')
    .option('--threads <n>', 'threads of the wasm engine')
    .option('--ctx <n>', "positions of the context (default: the model's)")
    .option('--adapter <dir>', "LoRA adapter beside the weights (PEFT's files, or a run of smollm2 train)");
}

/**
 * Finds and opens the model's file or folder, and the adapter beside it, telling what it does. Without a signal,
 * Ctrl-C stops the search.
 */
export async function openModelFile(
  args: Arguments,
  status: Status,
  signal?: AbortSignal,
  name = args.text('model') ?? DEFAULT_MODEL,
): Promise<Checkpoint> {
  if (!signal) return interruptible((ownSignal) => openModelFile(args, status, ownSignal, name));
  try {
    const checkpoint = await openNode(name, {
      signal,
      onNote: (text) => status.note(text),
      onProgress: (file, done, total) => status.progress(file, done, total),
    });
    return await besideAdapter(checkpoint, args.text('adapter'));
  } finally {
    status.clear();
  }
}

/** The engine options as the library takes them. */
export function loadOptions(args: Arguments): LoadOptions {
  return {
    engine: args.choice('engine', ['reference', 'wasm']),
    precision: args.choice('precision', ['fast', 'precise']),
    relaxed: args.flag('relaxed'),
    threads: args.threads(),
    maxSeqLen: args.count('ctx'),
  };
}

/** A loaded model, its closed checkpoint, and how long that took. */
export async function openBareModel(
  args: Arguments,
  status: Status,
  signal?: AbortSignal,
  name?: string,
): Promise<{ model: Model; checkpoint: Checkpoint; loadMs: number }> {
  const options = loadOptions(args);
  if (options.threads && options.threads > availableParallelism()) {
    const cores = `this machine has ${availableParallelism()} cores`;
    status.note(`--threads ${options.threads}: ${cores}, so the threads will wait for each other`);
  }
  const checkpoint = await openModelFile(args, status, signal, name);
  const startedAt = performance.now();
  try {
    const onProgress = (done: number, total: number) => {
      if (process.stderr.isTTY) status.progress('loading', done, total);
    };
    const model = await loadModel(checkpoint, { ...options, onProgress });
    return { model, checkpoint, loadMs: performance.now() - startedAt };
  } finally {
    status.clear();
    await checkpoint.close();
  }
}

/** A loaded model with its tokenizer and template. */
export async function openModel(
  args: Arguments,
  status: Status,
  signal?: AbortSignal,
  name?: string,
): Promise<{ smol: SmolLM2; checkpoint: Checkpoint; loadMs: number }> {
  const { model, checkpoint, loadMs } = await openBareModel(args, status, signal, name);
  return closedOnError(model, () => ({ smol: bind(model, checkpoint), checkpoint, loadMs }));
}

/** `openModel`; where no model was named and no weights can be had at all, the one in the package, saying so. */
export async function openModelOrNano(args: Arguments, status: Status, signal?: AbortSignal) {
  try {
    return await openModel(args, status, signal);
  } catch (error) {
    const isMissing = error instanceof UnavailableError && args.text('model') === undefined;
    if (!isMissing || signal?.aborted) throw error;
    status.note(error.message);
    status.note(
      'going on with nano, the model in this package: a million parameters that have read Shakespeare and nothing ' +
        'else. It continues a text; it knows no answers.',
    );
    return openModel(args, status, signal, NANO);
  }
}
