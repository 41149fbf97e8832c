// Every exercise, in the order of the chapters.

import { rmsnorm } from './03-stream/rmsnorm.exercise.ts';
import { attention } from './04-attention/attention.exercise.ts';
import { rope } from './05-rope/rope.exercise.ts';
import { swiglu } from './06-swiglu/swiglu.exercise.ts';
import type { Exercise } from './exercise.ts';

export const EXERCISES: readonly Exercise[] = [rmsnorm, attention, rope, swiglu];
