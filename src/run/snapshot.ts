// The keys and values of a fixed prompt, computed once at build time and restored in milliseconds. A snapshot is
// taken only by a model that computes the same bits: both sides run a short probe and compare the hash of its logits,
// which every weight, kernel and choice of precision has a part in.
//
//   SMOLKV1\n │ u32 header bytes │ header (JSON) │ keys and values │ sha256 of all before

import { FormatError, UnsupportedError } from '../base/errors.ts';
import { digest, hex } from '../base/sha256.ts';
import { shown } from '../base/shown.ts';
import type { Timeline } from '../generate/options.ts';
import type { Model } from '../model/model.ts';

const MAGIC = 'SMOLKV1\n';
const HEADER_AT = MAGIC.length + 4;
const HASH_BYTES = 32;
/** A header holds ids and a hash: far below this, even for 8,192 ids. */
const MAX_HEADER_BYTES = 2 ** 20;
/** Ids of the probe: any will do that every vocabulary has. */
const PROBE_IDS = [1, 2, 3, 5, 8, 13, 21, 34];

interface SnapshotHeader {
  readonly fingerprint: string;
  /** Ids whose keys and values follow. */
  readonly ids: readonly number[];
}

/** Runs `ids` and gives the state behind them as bytes to keep. */
export async function saveSnapshot(model: Model, ids: readonly number[]): Promise<Uint8Array> {
  const cache = model.newCache();
  try {
    await model.forward(ids, cache, { logits: 'none' });
    const state = await model.saveCache(cache);
    const header: SnapshotHeader = { fingerprint: await modelFingerprint(model), ids };
    const text = new TextEncoder().encode(JSON.stringify(header));
    const bytes = new Uint8Array(HEADER_AT + text.length + state.length + HASH_BYTES);
    bytes.set(new TextEncoder().encode(MAGIC));
    new DataView(bytes.buffer).setUint32(MAGIC.length, text.length, true);
    bytes.set(text, HEADER_AT);
    bytes.set(state, HEADER_AT + text.length);
    bytes.set(await digest(bytes.subarray(0, -HASH_BYTES)), bytes.length - HASH_BYTES);
    return bytes;
  } finally {
    model.freeCache(cache);
  }
}

/**
 * A cache that holds what a snapshot holds; the answer from there on is bit-equal to one without it.
 *
 * @param maxSeqLen positions of the cache, for the snapshot and what comes after it
 * @throws FormatError      for bytes that are not a whole snapshot
 * @throws UnsupportedError for a snapshot of other weights, kernels, precision or cache type
 */
export async function restoreSnapshot(
  model: Model,
  bytes: Uint8Array,
  maxSeqLen?: number,
): Promise<Timeline> {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`snapshot: expected bytes, got ${shown(bytes)}`);
  const { fingerprint, ids, state } = await readSnapshot(bytes, model.config.vocabSize);
  const ours = await modelFingerprint(model);
  if (fingerprint !== ours) {
    throw new UnsupportedError(
      `snapshot: expected one of this model, got another one's (${fingerprint.slice(0, 12)}… is not ` +
        `${ours.slice(0, 12)}…); make it again with smollm2 snapshot and the same options`,
    );
  }
  const cache = model.newCache(maxSeqLen);
  try {
    await model.restoreCache(cache, ids.length, state);
  } catch (cause) {
    model.freeCache(cache);
    if (!(cause instanceof RangeError)) throw cause;
    throw new UnsupportedError(`snapshot: ${cause.message}; make it again with the same cache type`);
  }
  return { cache, ids };
}

const fingerprints = new WeakMap<Model, Promise<string>>();

/** Hash of the config and of the probe's logits; a pass over eight ids, once per model. */
function modelFingerprint(model: Model): Promise<string> {
  const known = fingerprints.get(model) ?? probe(model);
  fingerprints.set(model, known);
  known.catch(() => fingerprints.delete(model));
  return known;
}

async function probe(model: Model): Promise<string> {
  const cache = model.newCache();
  try {
    const ids = PROBE_IDS.map((id) => id % model.config.vocabSize).slice(0, cache.maxSeqLen);
    const logits = await model.forward(ids, cache);
    const said = new TextEncoder().encode(JSON.stringify([model.engineName, model.config]));
    const hashed = new Uint8Array(said.length + logits.byteLength);
    hashed.set(said);
    hashed.set(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength), said.length);
    return hex(await digest(hashed));
  } finally {
    model.freeCache(cache);
  }
}

async function readSnapshot(
  bytes: Uint8Array,
  vocabSize: number,
): Promise<SnapshotHeader & { state: Uint8Array }> {
  const file = 'snapshot';
  const isOurs = new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) === MAGIC;
  if (!isOurs || bytes.length < HEADER_AT + HASH_BYTES) {
    throw new FormatError('expected a snapshot made by smollm2 snapshot', { file, offset: 0 });
  }
  const body = bytes.subarray(0, -HASH_BYTES);
  if (hex(await digest(body)) !== hex(bytes.subarray(-HASH_BYTES))) {
    throw new FormatError('expected bytes of the hash at the end, got others: it is damaged', { file });
  }
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (headerBytes > MAX_HEADER_BYTES || HEADER_AT + headerBytes > body.length) {
    throw new FormatError(`expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${headerBytes}`, {
      file,
      offset: MAGIC.length,
    });
  }
  const header = parseHeader(new TextDecoder().decode(body.subarray(HEADER_AT, HEADER_AT + headerBytes)));
  const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabSize;
  if (typeof header?.fingerprint !== 'string' || !Array.isArray(header.ids) || !header.ids.every(isId)) {
    throw new FormatError('expected a fingerprint and ids', { file, field: 'header', offset: HEADER_AT });
  }
  return { ...header, state: body.subarray(HEADER_AT + headerBytes) };
}

function parseHeader(text: string): SnapshotHeader | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
