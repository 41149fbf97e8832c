// The first weights of a model (nanotron's parametrization, `scaling_method: NUM_LAYERS`). Every tensor draws from a
// stream of its own, seeded by (seed, "init", name), so that a tensor's values do not depend on the others.

import { log, sinCos } from '../base/math.ts';
import { Rng } from '../base/rng.ts';
import { seedFor } from '../base/seed.ts';
import type { TrainingMachine } from './machine.ts';

/**
 * Matrices and the embedding ~ N(0, std); o_proj and down_proj, which write to the residual stream, ~ N(0, std /
 * sqrt(2 · numLayers)); norms 1, biases 0.
 */
export function initialise(machine: TrainingMachine, std: number, seed: number): void {
  const { numLayers } = machine.config;
  for (const { name, shape } of machine.parameters) {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (shape.length === 1) values.fill(name.endsWith('.bias') ? 0 : 1);
    else {
      const isResidual = /\.(o_proj|down_proj)\.weight$/.test(name);
      fillNormal(values, isResidual ? std / Math.sqrt(2 * numLayers) : std, seed, name);
    }
    machine.write('values', name, values);
  }
}

/**
 * LoRA's first weights, as PEFT draws them: A uniform in ±1 / sqrt(inSize), B zero, so that training starts at the
 * model itself.
 */
export function initialiseAdapters(machine: TrainingMachine, seed: number): void {
  for (const { name, shape } of machine.parameters) {
    if (!name.endsWith('.lora_A.weight')) continue;
    const rng = Rng.fromSeed(seedFor(seed, 'init', name));
    const bound = 1 / Math.sqrt(shape[1]);
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => (2 * rng.next() - 1) * bound);
    machine.write('values', name, values);
  }
}

/** Normal numbers in pairs (Box & Muller 1958). */
function fillNormal(values: Float32Array, std: number, seed: number, name: string): void {
  const rng = Rng.fromSeed(seedFor(seed, 'init', name));
  for (let i = 0; i < values.length; i += 2) {
    const radius = std * Math.sqrt(-2 * log(1 - rng.next()));
    const { sin, cos } = sinCos(2 * Math.PI * rng.next());
    values[i] = radius * cos;
    if (i + 1 < values.length) values[i + 1] = radius * sin;
  }
}
