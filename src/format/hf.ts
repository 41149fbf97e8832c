// A HuggingFace folder as a Checkpoint: config.json, weights in one safetensors file or in shards with an
// index, tokenizer.json and the chat template. The folder may be on disk, behind URLs or chosen by a visitor.

import { FormatError, UnavailableError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { type Checkpoint, checkTensors } from './checkpoint.ts';
import { configFromHf } from './hf-config.ts';
import { rowTensor } from './row-tensor.ts';
import { SafetensorsFile } from './safetensors.ts';
import type { Source } from './source.ts';

/** Largest JSON file that is read: tokenizer.json of the 128k-token vocabularies takes 17 MB. */
const MAX_JSON_BYTES = 2 ** 26;

/** A shard's name is a plain file name: no folders, no URLs. */
const SHARD_NAME = /^[\w.-]+\.safetensors$/;

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Opens a file of the folder by its name; rejects with UnavailableError when it is not there. */
export type OpenFile = (fileName: string) => Promise<Source>;

/**
 * Opens a model in HuggingFace's layout. Weights are read when asked for.
 *
 * @throws FormatError      when a file breaks its format, or the tensors are not those of the config
 * @throws UnavailableError when config.json or the weights are not there
 */
export async function readHfFolder(open: OpenFile, name: string): Promise<Checkpoint> {
  const config = await readConfig(open, name);
  const tokenizer = await readJson(open, 'tokenizer.json');
  const tokenizerConfig = await readJson(open, 'tokenizer_config.json');
  const files = await openWeights(open, name);
  const close = async () => {
    for (const file of files) await file.close();
  };
  try {
    const tensors = new Map<string, Tensor>();
    // Saved by AutoModel, without a head: the same names without `model.`.
    const isBare = files.some((file) => file.tensors.has('embed_tokens.weight'));
    for (const file of files) addTensors(file, config, tensors, isBare ? 'model.' : '');
    checkTensors(name, config, tensors);
    return {
      name,
      format: 'safetensors',
      config,
      tensors,
      metadata: files[0].metadata,
      tokenizer:
        tokenizer === undefined ? undefined : { kind: 'json', tokenizer, tokenizerConfig, file: name },
      chatTemplate: (await readText(open, 'chat_template.jinja')) ?? templateOf(tokenizerConfig),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The config, with the end-of-generation ids of generation_config.json beside its own. */
async function readConfig(open: OpenFile, name: string): Promise<ModelConfig> {
  const json = await readJson(open, 'config.json');
  if (json === undefined) throw new UnavailableError(`${name}: expected a file config.json, got none`);
  const generation = await readJson(open, 'generation_config.json');
  const more = (generation as { eos_token_id?: unknown } | undefined)?.eos_token_id;
  const own = (json as { eos_token_id?: unknown } | null)?.eos_token_id;
  const eosIds = [...new Set([own, more].flat().filter((id) => typeof id === 'number'))];
  return configFromHf(isObject(json) ? { ...json, eos_token_id: eosIds } : json, `${name}/config.json`);
}

async function openWeights(open: OpenFile, name: string): Promise<SafetensorsFile[]> {
  const whole = await openOptional(open, WEIGHTS);
  if (whole) return [await SafetensorsFile.open(whole)];
  const index = await readJson(open, INDEX);
  if (index === undefined) {
    throw new UnavailableError(`${name}: expected ${WEIGHTS} or ${INDEX}, got neither`);
  }
  const place = { file: `${name}/${INDEX}`, field: 'weight_map' };
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map)) throw new FormatError('expected an object of tensor names and files', place);
  const shards = [...new Set(Object.values(map))];
  for (const shard of shards) {
    if (typeof shard !== 'string' || !SHARD_NAME.test(shard)) {
      throw new FormatError(`expected plain names of .safetensors files, got ${shown(shard)}`, place);
    }
  }
  const files: SafetensorsFile[] = [];
  try {
    for (const shard of shards as string[]) files.push(await SafetensorsFile.open(await open(shard)));
    for (const [tensor, shard] of Object.entries(map)) {
      if (!files[shards.indexOf(shard)].tensors.has(tensor)) {
        throw new FormatError(`expected ${tensor} in ${shard}, got none`, place);
      }
    }
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
  return files;
}

/** Tables and counters that versions of transformers saved beside the weights. */
const BUFFERS = /(?:^|\.)(?:position_ids|masked_bias|attn\.bias|num_batches_tracked)$/;

function addTensors(
  file: SafetensorsFile,
  config: ModelConfig,
  tensors: Map<string, Tensor>,
  prefix: string,
): void {
  for (const entry of file.tensors.values()) {
    const { dtype } = entry;
    const name = prefix + entry.name;
    // Written by some versions of transformers beside the weights: a copy of the tied head, and a table.
    const isCopy =
      (name === 'lm_head.weight' && config.tiedEmbeddings) || name.endsWith('.rotary_emb.inv_freq');
    if (isCopy || BUFFERS.test(entry.name)) continue;
    if (dtype !== 'F64' && dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
      throw new FormatError(`expected weights in F32, F16, BF16 or F64, got ${dtype}`, {
        file: file.name,
        field: `tensor ${name}`,
      });
    }
    if (tensors.has(name)) {
      throw new FormatError('expected each tensor in one shard, got two', {
        file: file.name,
        field: `tensor ${name}`,
      });
    }
    tensors.set(name, rowTensor(file.source, { ...entry, name, dtype }));
  }
}

/** `chat_template` is a string, or a list of named ones of which `default` is meant. */
export function templateOf(tokenizerConfig: unknown): string | undefined {
  const template = isObject(tokenizerConfig) ? tokenizerConfig.chat_template : undefined;
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const chosen = template.find((entry) => isObject(entry) && entry.name === 'default');
  return typeof chosen?.template === 'string' ? chosen.template : undefined;
}

async function openOptional(open: OpenFile, fileName: string): Promise<Source | undefined> {
  return open(fileName).catch((error) => {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  });
}

async function readText(open: OpenFile, fileName: string): Promise<string | undefined> {
  const source = await openOptional(open, fileName);
  if (!source) return undefined;
  try {
    if (source.size > MAX_JSON_BYTES) {
      throw new FormatError(`expected at most ${MAX_JSON_BYTES} bytes, got ${source.size}`, {
        file: source.name,
      });
    }
    const bytes = await source.read(0, source.size);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnavailableError) throw error;
    throw new FormatError('expected text in UTF-8', { file: source.name });
  } finally {
    await source.close?.();
  }
}

async function readJson(open: OpenFile, fileName: string): Promise<unknown> {
  const text = await readText(open, fileName);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const position = /position (\d+)/.exec(message)?.[1];
    const offset = new TextEncoder().encode(text.slice(0, Number(position ?? 0))).length;
    throw new FormatError(`expected JSON: ${message}`, { file: fileName, offset });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
