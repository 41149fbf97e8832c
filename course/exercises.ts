// Every exercise, in the order of the chapters.

import { loop } from './00-start/loop.exercise.ts';
import { bpe } from './01-tokens/bpe.exercise.ts';
import { embed } from './02-vectors/embed.exercise.ts';
import { rmsnorm } from './03-stream/rmsnorm.exercise.ts';
import { attention } from './04-attention/attention.exercise.ts';
import { rope } from './05-rope/rope.exercise.ts';
import { swiglu } from './06-swiglu/swiglu.exercise.ts';
import { forward } from './07-forward/forward.exercise.ts';
import { sample } from './08-sampling/sample.exercise.ts';
import { cache } from './09-cache/cache.exercise.ts';
import { q4_1 } from './10-quantised/q4_1.exercise.ts';
import { adamw } from './11-training/adamw.exercise.ts';
import { loss } from './11-training/loss.exercise.ts';
import { rmsnormBackward } from './11-training/rmsnorm-backward.exercise.ts';
import { minhash } from './12-curation/minhash.exercise.ts';
import { choose } from './13-evaluation/choose.exercise.ts';
import type { Exercise } from './exercise.ts';

export const EXERCISES: readonly Exercise[] = [
  ...[loop, bpe, embed, rmsnorm, attention, rope, swiglu],
  ...[forward, sample, cache, q4_1, loss, rmsnormBackward, adamw, minhash, choose],
];
