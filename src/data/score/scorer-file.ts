// A trained scorer as a file: JSON with the weights as float32 in base64.

import { FormatError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import { type Features, type NgramOptions, ngramFeatures } from './features.ts';
import { type LinearModel, type LossName, predict } from './linear.ts';

const FORMAT = 'smollm2-scorer-1';
/** Four million places: 16 MB of weights. */
const MAX_BITS = 22;

export interface Scorer {
  readonly ngrams: NgramOptions;
  readonly model: LinearModel;
}

/** A score of 0 to 5, or a probability. */
export function scoreText({ ngrams, model }: Scorer, text: string): number {
  return predict(model, ngramFeatures(text, ngrams));
}

/** Features of many texts; the scorer that is trained on them sees the same. */
export function featuresOf(texts: readonly string[], ngrams: NgramOptions): Features[] {
  return texts.map((text) => ngramFeatures(text, ngrams));
}

export function encodeScorer({ ngrams, model }: Scorer): string {
  const bytes = new Uint8Array(Float32Array.from(model.weights).buffer);
  let binary = '';
  for (let begin = 0; begin < bytes.length; begin += 8192)
    binary += String.fromCharCode(...bytes.subarray(begin, begin + 8192));
  return `${JSON.stringify({ format: FORMAT, ngrams, loss: model.loss, bias: model.bias, weights: btoa(binary) })}\n`;
}

/** @throws FormatError for anything that `encodeScorer` did not write */
export function decodeScorer(text: string, file: string): Scorer {
  const refuse = (field: string, problem: string) => new FormatError(problem, { file, field });
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refuse('format', 'expected a scorer, got no JSON');
  }
  if (parsed?.format !== FORMAT) throw refuse('format', `expected ${FORMAT}, got ${shown(parsed?.format)}`);
  const { minLength, maxLength, bits } = (parsed.ngrams ?? {}) as NgramOptions;
  const isCount = (value: unknown, most: number) =>
    Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most;
  if (!isCount(bits, MAX_BITS) || !isCount(maxLength, 16) || !isCount(minLength, maxLength))
    throw refuse('ngrams', `expected lengths up to 16 and at most ${MAX_BITS} bits`);
  if (parsed.loss !== 'ridge' && parsed.loss !== 'logistic')
    throw refuse('loss', `expected ridge or logistic`);
  if (typeof parsed.bias !== 'number') throw refuse('bias', 'expected a number');
  const weights = decodeWeights(String(parsed.weights), 2 ** bits);
  if (!weights) throw refuse('weights', `expected ${2 ** bits} finite numbers of four bytes in base64`);
  const model: LinearModel = { loss: parsed.loss as LossName, bias: parsed.bias, weights };
  return { ngrams: { minLength, maxLength, bits }, model };
}

function decodeWeights(base64: string, count: number): Float64Array | null {
  if (base64.length !== 4 * Math.ceil((4 * count) / 3)) return null;
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const weights = Float64Array.from(new Float32Array(bytes.buffer, 0, count));
    return weights.every(Number.isFinite) ? weights : null;
  } catch {
    return null;
  }
}
