// Trained adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors, which PEFT loads on top of the
// model that they were trained on.

import { FormatError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import { expectedTensors } from '../format/expected.ts';
import { type LoraAdapter, type LoraModule, adapterFiles as peftFiles } from '../format/peft.ts';
import { loraScale } from './lora-targets.ts';
import type { TrainingMachine } from './machine.ts';
import type { FineTuneRecipe } from './recipe.ts';
import type { StateTensor } from './training-state.ts';

const MATRIX = /^(.+)\.lora_([AB])\.weight$/;

/** Both files by name. */
export function adapterFiles(
  machine: TrainingMachine,
  recipe: FineTuneRecipe,
): ReadonlyMap<string, Uint8Array> {
  const weights = machine.parameters
    .filter(({ name }) => MATRIX.test(name))
    .map(({ name, shape }) => ({ name, shape, values: Float32Array.from(machine.read('values', name)) }));
  const files = peftFiles(trainedAdapter(recipe, machine.config, weights, recipe.name), machine.config);
  return new Map(files.map(({ path, bytes }) => [path, bytes]));
}

/**
 * The adapter that a run has trained, from the tensors of a checkpoint.
 *
 * @throws FormatError that names the tensor which is none of an adapter of this model
 */
export function trainedAdapter(
  { lora, startFrom }: FineTuneRecipe,
  config: ModelConfig,
  weights: readonly StateTensor[],
  file: string,
): LoraAdapter {
  if (!lora) throw new RangeError('recipe: expected one of LoRA, got none');
  const { rank, alpha } = lora;
  const shapes = expectedTensors(config);
  const byName = new Map(weights.map((tensor) => [tensor.name, tensor]));
  const matrix = (name: string, shape: readonly number[]): Float32Array => {
    const found = byName.get(name);
    if (found?.shape.join() === shape.join()) return found.values;
    const got = found ? `[${found.shape.join(', ')}]` : 'none';
    throw new FormatError(`expected [${shape.join(', ')}], got ${got}`, { file, field: name });
  };
  const modules = new Map<string, LoraModule>();
  for (const name of byName.keys()) {
    const module = MATRIX.exec(name)?.[1];
    const [outSize, inSize] = shapes.get(`${module}.weight`) ?? [];
    if (module === undefined || inSize === undefined) {
      throw new FormatError('expected an adapter of a matrix of the model', { file, field: name });
    }
    const a = matrix(`${module}.lora_A.weight`, [rank, inSize]);
    const b = matrix(`${module}.lora_B.weight`, [outSize, rank]);
    modules.set(module, { a, b, inSize, outSize });
  }
  return { rank, alpha, scale: loraScale(lora), modules, baseModel: startFrom };
}
