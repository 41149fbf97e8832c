// The door `smollm2/sampler`: logits to the next id.

export {
  type Constraint,
  distribution,
  type History,
  Rng,
  type SamplingOptions,
  sample,
} from './generate/sampler.ts';
