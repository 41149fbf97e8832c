// Two files of gradients (`smollm2 grads`, or a port's own): parameter by parameter, in the order in which a backward
// pass reaches them, so that the first wrong one is where to look.

import { UnsupportedError } from '../base/errors.ts';
import type { SafetensorsFile } from '../format/safetensors.ts';
import { LAYER_POINTS } from '../model/points.ts';

export interface GradientDifference {
  readonly name: string;
  /** Largest difference over the reference's largest magnitude. */
  readonly difference: number;
  /** What the candidate is, as a multiple of the reference (least squares). */
  readonly factor: number;
  /** What is left of the difference behind that factor. */
  readonly rest: number;
  readonly isRight: boolean;
}

export interface GradientReport {
  /** In backward order. */
  readonly parameters: readonly GradientDifference[];
  readonly bound: number;
  readonly firstWrong: GradientDifference | undefined;
  readonly verdict: string;
}

/** Bound of the difference over a tensor's maximum in float64: rounding in another order. */
const BOUND_F64 = 1e-9;
/**
 * In float32 rounding grows with the model: this many times the median parameter's difference, but no less than a
 * hundred roundings, and no more than twice what PyTorch's own float32 is off by at 135M.
 */
const TIMES_MEDIAN = 300;
const [LEAST_F32, MOST_F32] = [1e-5, 4e-3];

/** True for a file of gradients rather than activations. */
export function holdsGradients({ tensors, metadata }: SafetensorsFile): boolean {
  return metadata.loss !== undefined && [...tensors.keys()].every((name) => /\.(weight|bias)$/.test(name));
}

/** @throws UnsupportedError when the candidate lacks a parameter, or has another shape for it */
export async function diffGradients(
  reference: SafetensorsFile,
  candidate: SafetensorsFile,
): Promise<GradientReport> {
  const isF64 = [reference, candidate].every(({ tensors }) =>
    [...tensors.values()].every(({ dtype }) => dtype === 'F64'),
  );
  if (reference.tensors.size === 0)
    throw new UnsupportedError(`${reference.name}: expected gradients, got none`);
  const compared: Omit<GradientDifference, 'isRight'>[] = [];
  for (const name of [...reference.tensors.keys()].sort(byBackwardOrder)) {
    checkShape(reference, candidate, name);
    const [a, b] = [await reference.readTensorAsF64(name), await candidate.readTensorAsF64(name)];
    compared.push(compare(name, a, b));
  }
  const median = [...compared].sort((a, b) => a.difference - b.difference)[compared.length >> 1].difference;
  const bound = isF64 ? BOUND_F64 : Math.min(Math.max(TIMES_MEDIAN * median, LEAST_F32), MOST_F32);
  const parameters = compared.map((one) => ({ ...one, isRight: one.difference <= bound }));
  const firstWrong = parameters.find(({ isRight }) => !isRight);
  return { parameters, bound, firstWrong, verdict: verdictOf(parameters, firstWrong, bound) };
}

function checkShape(reference: SafetensorsFile, candidate: SafetensorsFile, name: string): void {
  const expected = reference.entry(name).shape.join(', ');
  const got = candidate.tensors.get(name)?.shape.join(', ');
  if (got === expected) return;
  const what = got === undefined ? 'none of that name' : `[${got}]`;
  throw new UnsupportedError(`${candidate.name}, ${name}: expected a gradient [${expected}], got ${what}`);
}

function compare(name: string, a: Float64Array, b: Float64Array): Omit<GradientDifference, 'isRight'> {
  let [max, difference, dot, square] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    max = Math.max(max, Math.abs(a[i]));
    const here = Math.abs(a[i] - b[i]);
    if (!(here <= difference)) difference = Number.isNaN(here) ? Number.POSITIVE_INFINITY : here;
    dot += a[i] * b[i];
    square += a[i] * a[i];
  }
  const factor = square === 0 ? 1 : dot / square;
  let rest = 0;
  for (let i = 0; i < a.length; i++) rest = Math.max(rest, Math.abs(b[i] - factor * a[i]));
  const scale = max === 0 ? 1 : max;
  return { name, difference: difference / scale, factor, rest: rest / scale };
}

/** A wrong factor that is the same everywhere is one mistake, and not in any layer. */
function verdictOf(
  parameters: readonly GradientDifference[],
  firstWrong: GradientDifference | undefined,
  bound: number,
): string {
  if (!firstWrong) return `right: every gradient within ${bound.toPrecision(2)} of its maximum`;
  const { name, difference, factor, rest } = firstWrong;
  const isScaled = rest <= bound * Math.max(1, Math.abs(factor));
  const everywhere = parameters.every((one) => Math.abs(one.factor - factor) <= 1e-2 * Math.abs(factor));
  const cause = !isScaled
    ? ''
    : everywhere
      ? `: all gradients are ${factor.toPrecision(6)} times the reference's (a sum instead of a mean?)`
      : `: it is ${factor.toPrecision(6)} times the reference's`;
  return `wrong first at ${name}, by ${difference.toExponential(2)} of its maximum${cause}`;
}

/** The output matrix and the last norm first, layers from the last to the first, the embedding at the end. */
function byBackwardOrder(a: string, b: string): number {
  return place(a) - place(b) || (a < b ? -1 : 1);
}

/** What the backward pass of a block reaches first. */
const IN_BLOCK = LAYER_POINTS.filter(({ rule }) => rule === 'norm' || rule === 'linear')
  .map(({ part }) => part)
  .reverse();

function place(name: string): number {
  const [, layer, part] = /^model\.layers\.(\d+)\.(.*)\.(?:weight|bias)$/.exec(name) ?? [];
  if (layer === undefined) {
    return name.startsWith('lm_head') ? -2e9 : name === 'model.norm.weight' ? -1e9 : 1e9;
  }
  return -100 * Number(layer) + IN_BLOCK.indexOf(part);
}
