// Every way to be wrong that `diff` knows, the more specific first.

import { ATTENTION_CAUSES } from './attention.ts';
import type { Cause } from './cause.ts';
import { MLP_CAUSES } from './mlp.ts';
import { NORM_CAUSES } from './norm.ts';
import { GENERAL_CAUSES, OUTPUT_CAUSES } from './output.ts';
import { PRECISION_CAUSES } from './precision.ts';
import { ROPE_CAUSES } from './rope.ts';
import { WEIGHT_CAUSES } from './weights.ts';

export const CAUSES: readonly Cause[] = [
  ...ROPE_CAUSES,
  ...ATTENTION_CAUSES,
  ...NORM_CAUSES,
  ...MLP_CAUSES,
  ...OUTPUT_CAUSES,
  ...WEIGHT_CAUSES,
  ...PRECISION_CAUSES,
  ...GENERAL_CAUSES,
];
