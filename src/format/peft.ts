// Low-rank adapters as PEFT keeps them: `adapter_config.json` and `adapter_model.safetensors`. A module y = x Wᵀ
// becomes y = x Wᵀ + scale · (x Aᵀ) Bᵀ with A [rank, inSize] and B [outSize, rank] (Hu et al. 2021); scale is
// alpha / rank, or alpha / sqrt(rank) with use_rslora. Settings that would change a number and are not computed here
// are refused by name.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { ModelConfig } from '../config.ts';
import { expectedTensors } from './expected.ts';
import type { OpenFile } from './hf.ts';
import type { FileToWrite } from './nanotron-write.ts';
import { SafetensorsFile, type SafetensorsInput, writeSafetensors } from './safetensors.ts';

/** The two matrices of one module. */
export interface LoraModule {
  /** [rank, inSize]. */
  readonly a: Float32Array;
  /** [outSize, rank]. */
  readonly b: Float32Array;
  readonly inSize: number;
  readonly outSize: number;
}

export interface LoraAdapter {
  readonly rank: number;
  readonly alpha: number;
  /** What B A is multiplied by. */
  readonly scale: number;
  /** By HF name without `.weight`: `model.layers.0.self_attn.q_proj`. */
  readonly modules: ReadonlyMap<string, LoraModule>;
  /** Name or path of the model that it was trained on, where the file says. */
  readonly baseModel?: string;
}

const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';
/** What an adapter is on disk. */
export const ADAPTER_FILES = [CONFIG_FILE, WEIGHTS_FILE] as const;
const PREFIX = 'base_model.model.';

/** First weights of an adapter that leave the base model as it is. */
const PLAIN_STARTS: readonly unknown[] = [true, false, 'gaussian', 'eva', 'orthogonal'];

/** Settings of adapter_config.json that must have no effect, and the values with which they have none. */
const WITHOUT_EFFECT: Readonly<Record<string, (value: unknown) => boolean>> = {
  bias: (value) => value === 'none',
  // Others (pissa, olora, loftq, …) begin by taking the adapter out of the base model's weights.
  init_lora_weights: (value) => PLAIN_STARTS.includes(value),
  lora_bias: (value) => value === false,
  use_dora: (value) => value === false,
  use_qalora: (value) => value === false,
  use_bdlora: (value) => value === false,
  fan_in_fan_out: (value) => value === false,
  modules_to_save: isEmpty,
  layer_replication: isEmpty,
  rank_pattern: isEmpty,
  alpha_pattern: isEmpty,
  trainable_token_indices: isEmpty,
  target_parameters: isEmpty,
  alora_invocation_tokens: isEmpty,
  arrow_config: isEmpty,
  kasa_config: isEmpty,
  monteclora_config: isEmpty,
  velora_config: isEmpty,
};

/**
 * Reads an adapter for a model of this shape.
 *
 * @throws FormatError when a file breaks its format, a module is not the model's, or a setting is not computed here
 */
export async function readAdapter(open: OpenFile, name: string, config: ModelConfig): Promise<LoraAdapter> {
  const { rank, alpha, scale, baseModel } = readConfig(await readJson(open, name), `${name}/${CONFIG_FILE}`);
  const file = await SafetensorsFile.open(await open(WEIGHTS_FILE));
  try {
    const modules = new Map<string, LoraModule>();
    const shapes = expectedTensors(config);
    for (const key of file.tensors.keys()) {
      const fail = (expected: string): never => {
        throw new FormatError(`expected ${expected}`, { file: file.name, field: key });
      };
      const [, module, matrix] =
        /^(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(key) ?? fail('lora_A or lora_B');
      const target = module.startsWith(PREFIX) ? module.slice(PREFIX.length) : module;
      const shape = shapes.get(`${target}.weight`);
      if (shape?.length !== 2) return fail('a module of the model');
      if (matrix === 'B') {
        if (!file.tensors.has(key.replace('.lora_B', '.lora_A'))) fail('a lora_A beside it');
        continue;
      }
      const [outSize, inSize] = shape;
      const a = await readMatrix(file, key, [rank, inSize]);
      const b = await readMatrix(file, key.replace('.lora_A', '.lora_B'), [outSize, rank]);
      modules.set(target, { a, b, inSize, outSize });
    }
    if (modules.size === 0) throw new FormatError('expected modules, got none', { file: file.name });
    return { rank, alpha, scale, modules, ...(baseModel === undefined ? {} : { baseModel }) };
  } finally {
    await file.close();
  }
}

async function readMatrix(
  file: SafetensorsFile,
  key: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const entry = file.tensors.get(key);
  if (entry?.shape.join() !== shape.join()) {
    const got = entry ? `[${entry.shape.join(', ')}]` : 'none';
    throw new FormatError(`expected [${shape.join(', ')}], got ${got}`, { file: file.name, field: key });
  }
  const values = Float32Array.from(await file.readTensorAsF64(key));
  if (values.every(Number.isFinite)) return values;
  throw new FormatError('expected finite values', { file: file.name, field: key });
}

async function readJson(open: OpenFile, name: string): Promise<Record<string, unknown>> {
  const source = await open(CONFIG_FILE);
  try {
    const text = new TextDecoder().decode(await source.read(0, Math.min(source.size, 2 ** 20)));
    const json = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json;
    throw new SyntaxError('expected an object');
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file: `${name}/${CONFIG_FILE}` });
  } finally {
    await source.close?.();
  }
}

function readConfig(json: Record<string, unknown>, file: string) {
  const fail = (field: string, expected: string): never => {
    throw new FormatError(`expected ${expected}, got ${shown(json[field])}`, { file, field });
  };
  if (json.peft_type !== 'LORA') fail('peft_type', '"LORA"');
  for (const [field, isHarmless] of Object.entries(WITHOUT_EFFECT)) {
    if (!isEmpty(json[field]) && !isHarmless(json[field])) fail(field, 'a setting without effect');
  }
  const { r: rank, lora_alpha: alpha, base_model_name_or_path: base } = json;
  if (!Number.isInteger(rank) || (rank as number) < 1 || (rank as number) > 2 ** 14)
    fail('r', 'a rank from 1 on');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) return fail('lora_alpha', 'a number');
  const isRankStabilised = json.use_rslora ?? false;
  if (typeof isRankStabilised !== 'boolean') fail('use_rslora', 'true or false');
  const divisor = isRankStabilised ? Math.sqrt(rank as number) : (rank as number);
  const baseModel = typeof base === 'string' ? base : undefined;
  return { rank: rank as number, alpha, scale: alpha / divisor, baseModel };
}

/** Absent, null, or a list or object with nothing in it. */
function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

/** Both files of an adapter, as PEFT's `from_pretrained` loads them. */
export function adapterFiles(adapter: LoraAdapter, config: ModelConfig): FileToWrite[] {
  const { rank, alpha, scale, modules, baseModel } = adapter;
  const tensors = Array.from(modules, ([name, { a, b, inSize, outSize }]): SafetensorsInput[] => [
    { name: `${PREFIX}${name}.lora_A.weight`, shape: [rank, inSize], values: a },
    { name: `${PREFIX}${name}.lora_B.weight`, shape: [outSize, rank], values: b },
  ]).flat();
  const targets = new Set(Array.from(modules.keys(), (name) => name.slice(name.lastIndexOf('.') + 1)));
  const isEverywhere = modules.size === targets.size * config.numLayers;
  const json = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel ?? null,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    use_rslora: scale !== alpha / rank,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    // Names alone where every layer has them; otherwise each module by its whole name.
    target_modules: isEverywhere ? [...targets].sort() : [...modules.keys()],
  };
  return [
    { path: CONFIG_FILE, bytes: new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`) },
    { path: WEIGHTS_FILE, bytes: writeSafetensors(tensors, { format: 'pt' }) },
  ];
}
