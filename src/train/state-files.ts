// A checkpoint of a run as files: `model.safetensors` (weights under their HF names), `optimizer.safetensors`
// (`exp_avg.NAME`, `exp_avg_sq.NAME`) and `state.json` with the record and the sha256 of the two. Values are
// float32, as the trainer holds them, so that reading gives back the same bits.

import { FormatError } from '../base/errors.ts';
import { type SafetensorsFile, SafetensorsHeader, type SafetensorsInput } from '../format/safetensors.ts';
import type { StateTensor, TrainingState, TrainingTensors } from './training-state.ts';

export const MODEL_FILE = 'model.safetensors';
export const OPTIMIZER_FILE = 'optimizer.safetensors';
export const STATE_FILE = 'state.json';

const FIRST = 'exp_avg.';
const SECOND = 'exp_avg_sq.';

/** `state.json`. */
export interface StateRecord {
  readonly state: TrainingState;
  /** Lower-case hex, by file name. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** The bytes of a safetensors file, piece after piece: views of the values, nothing is copied. */
export function* safetensorsPieces(
  tensors: readonly SafetensorsInput[],
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array> {
  const header = new SafetensorsHeader(metadata);
  for (const tensor of tensors) header.add(tensor);
  yield header.encode();
  for (const { values } of tensors) yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Both files with tensors, by name. */
export function tensorFiles(tensors: TrainingTensors): Map<string, Generator<Uint8Array>> {
  const named = (prefix: string, list: readonly StateTensor[]) =>
    list.map(({ name, shape, values }) => ({ name: prefix + name, shape, values }));
  const moments = [...named(FIRST, tensors.firstMoments), ...named(SECOND, tensors.secondMoments)];
  return new Map([
    [MODEL_FILE, safetensorsPieces(tensors.weights, { format: 'pt' })],
    [OPTIMIZER_FILE, safetensorsPieces(moments)],
  ]);
}

/**
 * Reads the tensors back, moments in the order of the weights.
 *
 * @throws FormatError when a moment is missing, or a tensor is not float32
 */
export async function readTensorFiles(
  model: SafetensorsFile,
  optimizer: SafetensorsFile,
): Promise<TrainingTensors> {
  const weights: StateTensor[] = [];
  for (const name of model.tensors.keys()) weights.push(await readF32(model, name, name));
  const moments = async (prefix: string) => {
    const list: StateTensor[] = [];
    for (const { name, shape } of weights) {
      const moment = await readF32(optimizer, prefix + name, name);
      if (moment.shape.join() !== shape.join()) {
        throw new FormatError(`expected shape [${shape.join(', ')}], got [${moment.shape.join(', ')}]`, {
          file: optimizer.name,
          field: prefix + name,
        });
      }
      list.push(moment);
    }
    return list;
  };
  return { weights, firstMoments: await moments(FIRST), secondMoments: await moments(SECOND) };
}

async function readF32(file: SafetensorsFile, entryName: string, name: string): Promise<StateTensor> {
  const entry = file.tensors.get(entryName);
  if (entry?.dtype !== 'F32') {
    throw new FormatError(`expected a tensor in F32, got ${entry?.dtype ?? 'none'}`, {
      file: file.name,
      field: entryName,
    });
  }
  const bytes = (await file.readBytes(entryName)).slice();
  return { name, shape: entry.shape, values: new Float32Array(bytes.buffer) };
}

/** Checks a parsed `state.json`. */
export function parseStateRecord(value: unknown, file: string): StateRecord {
  const record = value as Partial<StateRecord> | null;
  const { state, sha256 } = record ?? {};
  const refuse = (field: string, expected: string): never => {
    throw new FormatError(`expected ${expected}; was this written by another version?`, { file, field });
  };
  if (typeof state !== 'object' || state === null || state.version !== 1) return refuse('state', 'version 1');
  for (const field of ['step', 'updates', 'consumedTokens'] as const) {
    if (!Number.isSafeInteger(state[field]) || state[field] < 0) refuse(`state.${field}`, 'a whole number');
  }
  if (typeof state.consumedRows !== 'object' || state.consumedRows === null)
    refuse('state.consumedRows', 'counts');
  if (typeof state.lossHash !== 'string' || !/^[0-9a-f]{0,16}$/.test(state.lossHash))
    refuse('state.lossHash', '16 hex digits');
  if (typeof state.recipe !== 'object' || state.recipe === null) refuse('state.recipe', 'a recipe');
  for (const name of [MODEL_FILE, OPTIMIZER_FILE]) {
    if (!/^[0-9a-f]{64}$/.test(sha256?.[name] ?? '')) refuse(`sha256.${name}`, 'a sha256');
  }
  return { state, sha256: sha256! };
}

/** Name of the folder of a step: they sort by step. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** The step of a folder's name, or undefined for another name. */
export function stepOf(name: string): number | undefined {
  const digits = /^step-(\d{8,15})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
