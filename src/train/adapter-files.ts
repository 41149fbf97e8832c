// Trained adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors, which PEFT loads on top of the
// model that they were trained on.

import { type SafetensorsInput, writeSafetensors } from '../format/safetensors.ts';
import type { AdapterShape } from './learner.ts';
import type { TrainingMachine } from './machine.ts';

/** PEFT wraps a model twice: its parameters begin with this. */
const PREFIX = 'base_model.model.';

/** Both files by name. */
export function adapterFiles(
  machine: TrainingMachine,
  { rank, alpha, targets }: AdapterShape,
  baseModel: string,
): ReadonlyMap<string, Uint8Array> {
  const tensors = machine.parameters
    .filter(({ name }) => /\.lora_[AB]\.weight$/.test(name))
    .map(
      ({ name, shape }): SafetensorsInput => ({
        name: PREFIX + name,
        shape,
        values: Float32Array.from(machine.read('values', name)),
      }),
    );
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    target_modules: targets,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
  };
  return new Map([
    ['adapter_config.json', new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`)],
    ['adapter_model.safetensors', writeSafetensors(tensors, { format: 'pt' })],
  ]);
}
