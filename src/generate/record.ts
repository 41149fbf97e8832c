// A run that another machine can repeat: ids, options, seed and a checksum of every layer at every token, so
// that a difference is found at its token and layer.

import { FormatError } from '../base/errors.ts';
import type { Model } from '../model/model.ts';

export const RECORD_FORMAT = 'smollm2-run-1';

export interface RunRecord {
  readonly format: typeof RECORD_FORMAT;
  readonly fingerprint: string;
  readonly model: string;
  readonly engine: string;
  /** Generation options as plain JSON: what `generate` takes, and the engine's. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly seed: string;
  readonly promptIds: readonly number[];
  /** Ids of the answer. */
  readonly ids: readonly number[];
  readonly text: string;
  /** Names of the points, in forward order. */
  readonly points: readonly string[];
  /** Per token of prompt and answer, one checksum of the row of each point: 8 hex digits. */
  readonly checksums: readonly (readonly string[])[];
}

/** A longer file is not read, nor a longer run. */
const MAX_ROWS = 8192;

/** The stream after every layer, the final norm and the logits. */
export function recordedPoints(numLayers: number): string[] {
  const layers = Array.from({ length: numLayers }, (_, l) => `model.layers.${l}`);
  return ['model.embed_tokens', ...layers, 'model.norm', 'lm_head'];
}

/** FNV-1a over the bytes of a row as float32 or float64: equal bits give equal checksums on every machine. */
export function rowChecksum(row: Float64Array | Float32Array): string {
  const bytes = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Checksums [ids.length][points] of one pass over all ids. */
export async function layerChecksums(model: Model, ids: readonly number[]): Promise<string[][]> {
  const { numLayers, vocabSize } = model.config;
  const points = recordedPoints(numLayers);
  const rows = ids.map(() => new Array<string>(points.length).fill(''));
  const enter = (at: number, values: Float64Array | Float32Array) => {
    const size = values.length / ids.length;
    for (let t = 0; t < ids.length; t++) rows[t][at] = rowChecksum(values.slice(t * size, (t + 1) * size));
  };
  const cache = model.newCache(ids.length);
  try {
    const logits = await model.forward(ids, cache, {
      logits: 'all',
      points: points.slice(0, -1),
      trace: (name, value) => {
        const at = points.indexOf(name);
        if (at >= 0) enter(at, model.read(value));
      },
    });
    if (logits.length !== ids.length * vocabSize)
      throw new RangeError('checksums: expected logits of every row');
    enter(points.length - 1, logits);
  } finally {
    model.freeCache(cache);
  }
  return rows;
}

export interface Deviation {
  /** Index among the tokens of prompt and answer. */
  readonly row: number;
  readonly point: string;
}

/** The first token whose checksums differ, and the first point there; undefined where all are equal. */
export function firstDeviation(
  points: readonly string[],
  recorded: readonly (readonly string[])[],
  computed: readonly (readonly string[])[],
): Deviation | undefined {
  for (const [row, checksums] of recorded.entries()) {
    const at = checksums.findIndex((checksum, n) => checksum !== computed[row]?.[n]);
    if (at >= 0) return { row, point: points[at] };
  }
  return undefined;
}

/**
 * A record from a file's JSON.
 *
 * @throws FormatError for anything that does not have the members of a record
 */
export function parseRecord(json: unknown, file: string): RunRecord {
  const fail = (field: string, expected: string): never => {
    throw new FormatError(`expected ${expected}`, { file, field });
  };
  if (typeof json !== 'object' || json === null) return fail('record', 'a JSON object');
  const record = json as Record<string, unknown>;
  if (record.format !== RECORD_FORMAT) fail('format', `"${RECORD_FORMAT}"`);
  for (const field of ['fingerprint', 'model', 'engine', 'seed', 'text']) {
    if (typeof record[field] !== 'string') fail(field, 'a text');
  }
  if (!/^\d{1,20}$/.test(String(record.seed))) fail('seed', 'a whole number');
  if (typeof record.options !== 'object' || record.options === null) fail('options', 'an object');
  const isIds = (value: unknown) =>
    Array.isArray(value) &&
    value.length <= MAX_ROWS &&
    value.every((id) => Number.isSafeInteger(id) && id >= 0);
  for (const field of ['promptIds', 'ids']) if (!isIds(record[field])) fail(field, 'a list of token ids');
  const isTexts = (value: unknown) => Array.isArray(value) && value.every((text) => typeof text === 'string');
  if (!isTexts(record.points)) fail('points', 'a list of names');
  const { checksums, promptIds, ids } = record as unknown as RunRecord;
  if (!Array.isArray(checksums) || !checksums.every(isTexts)) fail('checksums', 'lists of checksums');
  if (checksums.length !== promptIds.length + ids.length) fail('checksums', 'one list per token');
  return record as unknown as RunRecord;
}
