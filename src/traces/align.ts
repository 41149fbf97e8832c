// A foreign trace in our names, shapes and head order, so that two traces can be compared number by number.

import type { ModelConfig } from '../config.ts';
import { axesOf, placeOf, pointName } from '../model/points.ts';
import { distance, type PlacedValues, placed, unpermutedHeads } from './layouts.ts';
import { canonicalName, type Dialect } from './names.ts';
import type { RawTensor, RawTrace } from './raw-trace.ts';

/** One point of an aligned trace. */
export interface AlignedPoint extends PlacedValues {
  readonly name: string;
  /** What the other program calls it. */
  readonly rawName: string;
  /** Half a unit of the last printed digit, 0 for binary files. */
  readonly resolution: number;
}

export interface AlignedTrace {
  readonly name: string;
  readonly config: ModelConfig;
  readonly numRows: number;
  readonly ids?: readonly number[];
  readonly points: ReadonlyMap<string, AlignedPoint>;
  /** Radians per position of each pair of a head, where they are not those of the config. */
  readonly frequencies?: Float64Array;
  /** Tensors that show no point of ours, or whose shape does not fit. */
  readonly ignored: readonly string[];
  /** What was done to read it, a sentence each. */
  readonly notes: readonly string[];
}

/** Ids of the trace's tokens: the tensor `input_ids`, or the metadata entry `ids`. */
export function idsOf(trace: RawTrace): number[] | undefined {
  const tensor = trace.tensors.get('input_ids') ?? trace.tensors.get('inp_tokens');
  if (tensor) return [...tensor.values];
  const text = trace.metadata.ids;
  if (text === undefined || !/^\[[\d,\s]*\]$/.test(text)) return undefined;
  return JSON.parse(text) as number[];
}

/** Number of tokens: from the ids, or from the first point whose channels are known. */
export function numRowsOf(trace: RawTrace): number | undefined {
  const ids = idsOf(trace);
  if (ids) return ids.length;
  for (const [raw, tensor] of trace.tensors) {
    const name = canonicalName(raw)?.name;
    if (!name || !['embed_tokens', 'layer', 'input_layernorm', 'norm'].includes(placeOf(name).part)) continue;
    const shape = tensor.shape.filter((size) => size !== 1);
    if (shape.length === 2) return shape[0];
  }
  return undefined;
}

/** Index into ORDERS of the convention: PyTorch keeps heads before rows once they are split. */
function preferredOrder(part: string, dialect: Dialect): number {
  const isSplit = part === 'self_attn.q_rope' || part === 'self_attn.k_rope';
  return isSplit && dialect === 'huggingface' ? 1 : 0;
}

/**
 * Aligns a trace. Where sizes leave a choice (as many rows as heads), the reference decides; it also tells
 * whether query and key heads stand in the interleaved order of Llama-type GGUF files, which is undone.
 *
 * @throws RangeError when the number of tokens cannot be told, or no tensor shows a point
 */
export function align(trace: RawTrace, config: ModelConfig, reference?: AlignedTrace): AlignedTrace {
  const ids = idsOf(trace);
  const numRows = ids?.length ?? numRowsOf(trace) ?? reference?.numRows;
  if (numRows === undefined) {
    throw new RangeError(
      `${trace.name}: expected a tensor input_ids or a point of shape [rows, hiddenSize], got neither`,
    );
  }
  const points = new Map<string, AlignedPoint>();
  const ignored: string[] = [];
  for (const [rawName, tensor] of trace.tensors) {
    if (rawName === 'input_ids' || rawName === 'inp_tokens') continue;
    const canonical = canonicalName(rawName);
    const place = canonical && placeOf(canonical.name);
    const isKnownLayer = place?.layer === undefined || place.layer < config.numLayers;
    const point =
      canonical && place && isKnownLayer && !points.has(canonical.name)
        ? placedPoint(tensor, place.part, canonical.dialect, config, numRows, reference, canonical.name)
        : undefined;
    if (!canonical || !point) {
      ignored.push(rawName);
      continue;
    }
    points.set(canonical.name, {
      ...point,
      name: canonical.name,
      rawName,
      resolution: tensor.resolution ?? 0,
    });
  }
  if (points.size === 0) {
    throw new RangeError(
      `${trace.name}: expected names of HuggingFace modules, llama.cpp or TransformerLens, got ` +
        `${[...trace.tensors.keys()].slice(0, 5).join(', ') || 'no tensor'}`,
    );
  }
  const notes = layoutNotes(points);
  if (reference && hasInterleavedHeads(points, reference)) {
    notes.push('query and key heads stand interleaved, as in Llama-type GGUF files; they were put in halves');
    for (const [name, point] of points) {
      if (!/[qk]_(proj|rope)$/.test(name)) continue;
      points.set(name, { ...point, ...unpermutedHeads(point, config.headDim) });
    }
  }
  return { name: trace.name, config, numRows, ids, points, ignored, notes };
}

function placedPoint(
  tensor: RawTensor,
  part: string,
  dialect: Dialect,
  config: ModelConfig,
  numRows: number,
  reference: AlignedTrace | undefined,
  name: string,
): PlacedValues | undefined {
  const axes = axesOf(part, config, numRows);
  const expected = reference?.points.get(name)?.values;
  const sized = part === 'self_attn.attn_probs' ? cutPositions(tensor, numRows) : tensor;
  const point = placed(sized, axes, preferredOrder(part, dialect), expected);
  if (point || axes.length !== 3 || config.numKvHeads === config.numHeads) return point;
  // Key and value heads that were repeated for every query head: one of each group is kept.
  const repeated = [numRows, config.numHeads, config.headDim];
  const whole = /self_attn\.(k_proj|k_rope|v_proj)$/.test(part)
    ? placed(sized, repeated, preferredOrder(part, dialect))
    : undefined;
  if (!whole || whole.known) return undefined;
  const group = config.numHeads / config.numKvHeads;
  const values = new Float64Array(numRows * config.numKvHeads * config.headDim);
  for (let head = 0; head < numRows * config.numKvHeads; head++) {
    const from = head * group * config.headDim;
    values.set(whole.values.subarray(from, from + config.headDim), head * config.headDim);
  }
  return { values, layout: 'repeated key and value heads' };
}

/** Attention weights over a cache longer than the sequence: positions past the last row hold nothing. */
function cutPositions(tensor: RawTensor, numRows: number): RawTensor {
  const { shape, values, known } = tensor;
  const positions = shape[shape.length - 1];
  if (!(positions > numRows)) return tensor;
  const rest = shape.slice(0, -1);
  const numWeights = values.length / positions;
  const cut = <T extends Float64Array | Uint8Array>(from: T, to: T): T => {
    for (let at = 0; at < numWeights; at++) {
      to.set(from.subarray(at * positions, at * positions + numRows), at * numRows);
    }
    return to;
  };
  return {
    ...tensor,
    shape: [...rest, numRows],
    values: cut(values, new Float64Array(numWeights * numRows)),
    known: known && cut(known, new Uint8Array(numWeights * numRows)),
  };
}

function layoutNotes(points: ReadonlyMap<string, AlignedPoint>): string[] {
  const byLayout = new Map<string, string[]>();
  for (const point of points.values()) {
    if (point.layout) byLayout.set(point.layout, [...(byLayout.get(point.layout) ?? []), point.rawName]);
  }
  return [...byLayout].map(([layout, names]) => {
    const more = names.length > 1 ? ` and ${names.length - 1} more` : '';
    return `${names[0]}${more}: ${layout}`;
  });
}

/**
 * Heads are taken for interleaved when that order brings the first traced projection to the reference, and
 * what follows it (the rotated heads) as well: a program that reads a permuted file without undoing it and
 * then rotates halves gets only the first right, which is a fault and not an order.
 */
function hasInterleavedHeads(points: ReadonlyMap<string, AlignedPoint>, reference: AlignedTrace): boolean {
  const { numLayers, headDim } = reference.config;
  for (let layer = 0; layer < numLayers; layer++) {
    const judged = ['q_proj', 'q_rope', 'k_proj', 'k_rope'].flatMap((part) => {
      const name = pointName(layer, `self_attn.${part}`);
      const point = points.get(name);
      const expected = reference.points.get(name)?.values;
      if (!point || !expected) return [];
      const asIs = distance(point, expected);
      return [{ asIs, undone: distance(unpermutedHeads(point, headDim), expected) }];
    });
    if (judged.length > 0) return judged.every(({ asIs, undone }) => 4 * undone < asIs && undone < 0.3);
  }
  return false;
}
