// A dump of several texts at once: the one that is compared is cut out.

import { idsOf } from './align.ts';
import type { RawTensor, RawTrace } from './raw-trace.ts';

/**
 * The trace of the sequence whose ids are the reference's, and a sentence about what was done. A trace of one sequence
 * is returned as it is.
 *
 * @throws RangeError for a batch in which no sequence has the reference's ids
 */
export function sequenceOf(trace: RawTrace, reference: RawTrace): { trace: RawTrace; note?: string } {
  const batch = batchOf(trace, idsOf(reference)?.length);
  const wanted = idsOf(reference);
  if (!batch || !wanted) return { trace };
  const { size, ids } = batch;
  if (!ids) {
    throw new RangeError(
      `${trace.name}: expected one sequence, got a batch of ${size} without input_ids; dump one text at a time, ` +
        `or input_ids [${size}, tokens] with the rest`,
    );
  }
  const numTokens = ids.values.length / size;
  for (let at = 0; at < size; at++) {
    const own = ids.values.subarray(at * numTokens, (at + 1) * numTokens);
    const begin = startOf(own, wanted);
    if (begin === undefined) continue;
    const cut = cutOut(trace, { size, at, numTokens, begin, count: wanted.length });
    const padded =
      numTokens > wanted.length ? `, ${numTokens - wanted.length} tokens of padding cut off` : '';
    return { trace: cut, note: `sequence ${at} of a batch of ${size} was taken${padded}` };
  }
  throw new RangeError(
    `${trace.name}: expected the ids of ${reference.name} in one of its ${size} sequences, got others`,
  );
}

function batchOf(trace: RawTrace, numTokens: number | undefined) {
  const ids = trace.tensors.get('input_ids') ?? trace.tensors.get('inp_tokens');
  if (ids) return ids.shape.length === 2 && ids.shape[0] > 1 ? { size: ids.shape[0], ids } : undefined;
  if (numTokens === undefined || trace.metadata.ids !== undefined) return undefined;
  // Without ids a batch shows in shapes [batch, tokens, …] that all tensors share.
  const sizes = [...trace.tensors.values()].map(({ shape }) => (shape.length >= 3 ? shape[0] : 1));
  const [size] = sizes;
  const isShared = size > 1 && sizes.every((other) => other === size);
  const isPlain = [...trace.tensors.values()].every(({ shape }) => shape.includes(numTokens, 1));
  return isShared && isPlain ? { size, ids: undefined } : undefined;
}

/** Where the wanted ids begin: at the start (padding behind them), or at the end (padding before). */
function startOf(own: Float64Array, wanted: readonly number[]): number | undefined {
  const starts = [0, own.length - wanted.length];
  return starts.find((begin) => begin >= 0 && wanted.every((id, t) => own[begin + t] === id));
}

interface Cut {
  readonly size: number;
  readonly at: number;
  readonly numTokens: number;
  readonly begin: number;
  readonly count: number;
}

function cutOut(trace: RawTrace, cut: Cut): RawTrace {
  const tensors = new Map<string, RawTensor>();
  for (const [name, tensor] of trace.tensors) {
    if (tensor.shape[0] !== cut.size) {
      tensors.set(name, tensor);
      continue;
    }
    tensors.set(name, alongTokens(oneOf(tensor, cut), cut));
  }
  return { ...trace, tensors };
}

function oneOf(tensor: RawTensor, { size, at }: Cut): RawTensor {
  const count = tensor.values.length / size;
  return {
    ...tensor,
    shape: [1, ...tensor.shape.slice(1)],
    values: tensor.values.subarray(at * count, (at + 1) * count),
    known: tensor.known?.subarray(at * count, (at + 1) * count),
  };
}

/** Every axis that is as long as the padded text, cut to the text. */
function alongTokens(tensor: RawTensor, { numTokens, begin, count }: Cut): RawTensor {
  if (numTokens === count) return tensor;
  let { shape, values, known } = tensor;
  for (let axis = 1; axis < shape.length; axis++) {
    if (shape[axis] !== numTokens) continue;
    const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
    const outer = values.length / inner / numTokens;
    const cutAxis = <T extends Float64Array | Uint8Array>(from: T, to: T): T => {
      for (let o = 0; o < outer; o++) {
        const first = (o * numTokens + begin) * inner;
        to.set(from.subarray(first, first + count * inner), o * count * inner);
      }
      return to;
    };
    values = cutAxis(values, new Float64Array(outer * count * inner));
    known = known && cutAxis(known, new Uint8Array(outer * count * inner));
    shape = shape.map((n, at) => (at === axis ? count : n));
  }
  return { ...tensor, shape, values, known };
}
