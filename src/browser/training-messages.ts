// What a page and the worker of its training run say to each other. The page begins with `start`; from then on it may
// send `pause`, `go`, `stop` and numbered questions at any time, which the worker hears between two steps. The worker
// answers with `started`, then `step` for each step, `note` for what a reader should know, and `ended` or `failed`.
// Everything here survives a structured clone.

import type { SampleOptions } from '../run/training-samples.ts';
import type { StateKind } from '../train/machine.ts';
import type { StepLine, TrainingResult } from '../train/trainer.ts';
import type { TrainingCheckpoint } from '../train/training-state.ts';
import type { ErrorMessage } from './error-message.ts';
import type { RemoteSource } from './model-messages.ts';

/** What a run begins with. */
export interface RunSetup {
  /** A parsed recipe of pretraining (docs/training/recipes.md). */
  readonly recipe: unknown;
  /** Token ids by the folder name that the recipe uses: `dataset_folder` of its stages and of `evaluation`. */
  readonly tokens: Readonly<Record<string, ArrayLike<number>>>;
  /** A parsed `tokenizer.json`, for samples and for the finished model; or that of `model`. */
  readonly tokenizer?: unknown;
  /** A GGUF file: its tokenizer; and its weights, where the recipe has a `resume_checkpoint_path`. */
  readonly model?: RemoteSource;
  /** Workers of the team; 1 where the page is not cross-origin isolated. */
  readonly threads?: number;
  /** Stop after this step; the schedule stays the recipe's. */
  readonly maxSteps?: number;
  /** Go on from here, with the bits of a run that never stopped. */
  readonly resume?: TrainingCheckpoint;
  /** Wait for `go` before the first step. */
  readonly isPaused?: boolean;
}

/** A question that is answered between two steps, or when the run is over. */
export type RunQuestion =
  | { readonly name: 'sample'; readonly prompts: readonly string[]; readonly options: SampleOptions }
  | { readonly name: 'read'; readonly kind: StateKind; readonly parameter: string }
  | { readonly name: 'slope'; readonly parameter: string; readonly index: number }
  | { readonly name: 'checkpoint' | 'gguf' };

/** From the page. */
export type RunCall =
  | { readonly kind: 'start'; readonly setup: RunSetup }
  | { readonly kind: 'pause' | 'go' | 'stop' }
  | { readonly kind: 'ask'; readonly id: number; readonly question: RunQuestion };

/** What is known before the first step. */
export interface RunFacts {
  readonly totalSteps: number;
  /** Steps that were taken before: those of the checkpoint that is resumed. */
  readonly step: number;
  readonly numParameters: number;
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Of WASM memory, all of it asked for at once. */
  readonly memoryBytes: number;
}

/** How a run ended. */
export interface RunEnd {
  readonly reason: TrainingResult['reason'];
  readonly step: number;
  /** One number for the whole curve: the same on every machine, for any number of threads. */
  readonly lossHash: string;
}

/** From the worker. */
export type RunReport =
  | { readonly kind: 'started'; readonly facts: RunFacts }
  | { readonly kind: 'step'; readonly line: StepLine; readonly totalSteps: number }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: ErrorMessage }
  | { readonly kind: 'ended'; readonly end: RunEnd }
  | { readonly kind: 'failed'; readonly error: ErrorMessage };
