// llama.cpp's file of log-probabilities (`llama-perplexity --kl-divergence-base`): what one model thinks of a
// text, so that another can be compared with it. Little-endian throughout:
//
//     "_logits_"                               magic
//     u32 n_ctx, i32 n_vocab, i32 n_chunk      window length, vocabulary, windows
//     i32 tokens[n_chunk · n_ctx]
//     per window, for positions n_ctx / 2 … n_ctx - 2, one row of 2 · ⌈(n_vocab + 1) / 2⌉ + 4 u16:
//       f32 scale, f32 least log-probability (as two u16 each), then n_vocab levels, then padding
//
// ln p(id) = least + scale · level: 16 bits over at most 16 nats under the largest logit; what is further
// down is raised to the least.

import { FormatError } from '../base/errors.ts';
import { exp, log } from '../base/math.ts';
import type { Source } from '../format/source.ts';

const MAGIC = '_logits_';
const HEADER_BYTES = 20;
const LEVELS = 65_535;
/** Nats under the largest logit that a row can tell apart. */
const DEPTH = 16;
/** Larger windows and vocabularies than any model's are not believed. */
const MAX_CONTEXT = 2 ** 20;
const MAX_VOCAB = 2 ** 20;

export interface KlBase {
  readonly numContext: number;
  readonly vocabSize: number;
  readonly numChunks: number;
  /** [numChunks · numContext] */
  readonly ids: Int32Array;
  /** ln p of every id [vocabSize] after position `n` of the scored ones of a window. */
  logprobs(chunk: number, n: number): Promise<Float64Array>;
}

/** Scored positions of a window: the second half, but for its last token. */
export function scoredPositions(numContext: number): { first: number; count: number } {
  const first = Math.floor(numContext / 2);
  return { first, count: numContext - 1 - first };
}

function rowLength(vocabSize: number): number {
  return 2 * Math.floor((vocabSize + 1) / 2) + 4;
}

/** Bytes of a whole file. */
export function klBaseBytes(numContext: number, vocabSize: number, numChunks: number): number {
  const { count } = scoredPositions(numContext);
  return HEADER_BYTES + 4 * numChunks * numContext + 2 * numChunks * count * rowLength(vocabSize);
}

/**
 * Opens a file of log-probabilities; rows are read when they are asked for.
 *
 * @throws FormatError when it is none, or shorter than it says
 */
export async function readKlBase(source: Source): Promise<KlBase> {
  const fail = (message: string, field: string, offset: number): never => {
    throw new FormatError(message, { file: source.name, field, offset });
  };
  const header = await source.read(0, Math.min(HEADER_BYTES, source.size));
  const magic = new TextDecoder('latin1').decode(header.subarray(0, 8));
  if (header.length < HEADER_BYTES || magic !== MAGIC) return fail(`expected ${MAGIC}`, 'magic', 0);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const numContext = view.getUint32(8, true);
  const vocabSize = view.getInt32(12, true);
  const numChunks = view.getInt32(16, true);
  if (!(numContext >= 4 && numContext <= MAX_CONTEXT)) fail(`expected 4 to ${MAX_CONTEXT}`, 'n_ctx', 8);
  if (!(vocabSize >= 1 && vocabSize <= MAX_VOCAB)) fail(`expected 1 to ${MAX_VOCAB}`, 'n_vocab', 12);
  const expected = klBaseBytes(numContext, vocabSize, numChunks);
  if (!(numChunks >= 1) || expected !== source.size) {
    fail(`expected ${expected} bytes for ${numChunks} windows, got ${source.size}`, 'n_chunk', 16);
  }
  const idBytes = await source.read(HEADER_BYTES, 4 * numChunks * numContext);
  const ids = new Int32Array(idBytes.slice().buffer);
  const at = ids.findIndex((id) => id < 0 || id >= vocabSize);
  if (at >= 0) fail(`expected an id under ${vocabSize}, got ${ids[at]}`, 'tokens', HEADER_BYTES + 4 * at);
  const { count } = scoredPositions(numContext);
  const rowBytes = 2 * rowLength(vocabSize);
  const rows = HEADER_BYTES + idBytes.length;
  return {
    numContext,
    vocabSize,
    numChunks,
    ids,
    logprobs: async (chunk, n) =>
      decodeRow(await source.read(rows + (chunk * count + n) * rowBytes, rowBytes), vocabSize),
  };
}

function decodeRow(bytes: Uint8Array, vocabSize: number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const scale = view.getFloat32(0, true);
  const least = view.getFloat32(4, true);
  return Float64Array.from(
    { length: vocabSize },
    (_, id) => least + scale * view.getUint16(8 + 2 * id, true),
  );
}

/** The header and the tokens; rows follow in order, from `klBaseRow`. */
export function klBaseHeader(numContext: number, vocabSize: number, ids: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 4 * ids.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, numContext, true);
  view.setInt32(12, vocabSize, true);
  view.setInt32(16, ids.length / numContext, true);
  for (let at = 0; at < ids.length; at++) view.setInt32(HEADER_BYTES + 4 * at, ids[at], true);
  return bytes;
}

/** One row of the file from logits [vocabSize], with llama.cpp's rounding. */
export function klBaseRow(logits: ArrayLike<number>): Uint8Array {
  const vocabSize = logits.length;
  let max = Number.NEGATIVE_INFINITY;
  let min = Number.POSITIVE_INFINITY;
  for (let id = 0; id < vocabSize; id++) {
    max = Math.max(max, logits[id]);
    min = Math.min(min, logits[id]);
  }
  min = Math.max(min, max - DEPTH);
  let sum = 0;
  for (let id = 0; id < vocabSize; id++) sum += exp(logits[id] - max);
  const scale = Math.fround((max - min) / LEVELS);
  const bytes = new Uint8Array(2 * rowLength(vocabSize));
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, scale, true);
  view.setFloat32(4, min - max - log(sum), true);
  for (let id = 0; id < vocabSize && scale > 0; id++) {
    const level = logits[id] > min ? Math.min(LEVELS, Math.round((logits[id] - min) / scale)) : 0;
    view.setUint16(8 + 2 * id, level, true);
  }
  return bytes;
}
