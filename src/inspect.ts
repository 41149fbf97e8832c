// The door `smollm2/inspect`: what happens inside a running model, read and replaced at trace points.

export {
  attentionMap,
  type Head,
  type HeadKind,
  type HeadScore,
  headScores,
  runForAttention,
} from './inspect/attention-maps.ts';
export { type Attribution, logitAttribution } from './inspect/attribution.ts';
export {
  type Activation,
  type ActivationCache,
  activation,
  type Hook,
  meanLoss,
  runWithCache,
  runWithHooks,
} from './inspect/hooks.ts';
export { type LensRow, logitLens, rowNorms, streamPoints } from './inspect/logit-lens.ts';
export {
  type Ablation,
  ablate,
  type Patch,
  type PatchScore,
  patchActivations,
  patchSweep,
} from './inspect/patching.ts';
