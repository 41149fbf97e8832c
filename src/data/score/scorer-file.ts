// A trained scorer as a file: JSON with the weights as float32 in base64, and what they are weights of.

import { FormatError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import { denseFeatures, type NgramOptions, ngramFeatures } from './features.ts';
import { type LinearModel, type LossName, predict } from './linear.ts';

const FORMAT = 'smollm2-scorer-1';
/** Four million places: 16 MB of weights. */
const MAX_BITS = 22;
const MAX_HIDDEN_SIZE = 65_536;

/** The head of a scorer that looks at character runs: it needs nothing else. */
export interface NgramScorer {
  readonly ngrams: NgramOptions;
  readonly model: LinearModel;
}

/** Which hidden states of which model: the mean over two windows of `numIds` positions, after `layer` blocks. */
export interface HiddenFeatures {
  /** As it was asked for. */
  readonly modelName: string;
  readonly layer: number;
  readonly numIds: number;
  /** The same mean of PROBE_TEXT, [hiddenSize]: another model is known by it. */
  readonly probe: ArrayLike<number>;
}

/** The head of a scorer that looks at hidden states. */
export interface HiddenScorer {
  readonly hidden: HiddenFeatures;
  readonly model: LinearModel;
}

export type Scorer = NgramScorer | HiddenScorer;

export const PROBE_TEXT = 'The sum of the angles of a triangle is 180 degrees.';

/**
 * How far the probe may be from the one in the file, in shares of its length. The weights in 4, 5 and 8 bits differ by
 * a few hundredths; another layer, size or training by more than its half.
 */
const MAX_PROBE_DISTANCE = 0.25;

/** A score of 0 to 5, or a probability. */
export function scoreText({ ngrams, model }: NgramScorer, text: string): number {
  return predict(model, ngramFeatures(text, ngrams));
}

/** The same of a text's mean hidden state, [hiddenSize]. */
export function scoreHidden({ model }: HiddenScorer, mean: ArrayLike<number>): number {
  return predict(model, denseFeatures(mean));
}

/** @throws FormatError when the mean of PROBE_TEXT is not that of the model that the scorer was trained on */
export function checkProbe({ hidden }: HiddenScorer, probe: ArrayLike<number>, file: string): void {
  const { probe: wanted, modelName } = hidden;
  let [difference, length] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += (wanted[i] - probe[i]) ** 2;
    length += wanted[i] ** 2;
  }
  const distance = Math.sqrt(difference / length);
  if (probe.length === wanted.length && distance <= MAX_PROBE_DISTANCE) return;
  throw new FormatError(
    `expected the model that the scorer was trained on (${modelName}), got one whose hidden states differ by ` +
      `${(100 * distance).toFixed(0)} %; name it with --model, or train again`,
    { file, field: 'hidden' },
  );
}

export function encodeScorer(scorer: Scorer): string {
  const { model } = scorer;
  const looks =
    'ngrams' in scorer
      ? { ngrams: scorer.ngrams }
      : { hidden: { ...scorer.hidden, probe: encodeNumbers(scorer.hidden.probe) } };
  const { loss, bias } = model;
  return `${JSON.stringify({ format: FORMAT, ...looks, loss, bias, weights: encodeNumbers(model.weights) })}\n`;
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
  if (parsed.loss !== 'ridge' && parsed.loss !== 'logistic')
    throw refuse('loss', `expected ridge or logistic`);
  if (typeof parsed.bias !== 'number') throw refuse('bias', 'expected a number');
  const { loss, bias } = parsed as { loss: LossName; bias: number };
  const numbers = (field: string, base64: unknown, count: number) => {
    const found = decodeNumbers(String(base64), count);
    if (found) return found;
    throw refuse(field, `expected ${count} finite numbers of four bytes in base64`);
  };
  if (parsed.hidden !== undefined) {
    const hidden = (parsed.hidden ?? {}) as Record<string, unknown>;
    const { modelName, layer, numIds } = hidden;
    const size = hiddenSizeOf(hidden.probe);
    const isRight = typeof modelName === 'string' && isCount(layer, 1000) && isCount(numIds, 1e6) && size > 0;
    if (!isRight) throw refuse('hidden', 'expected a model, a layer, a number of ids and a probe');
    return {
      hidden: { modelName, layer, numIds, probe: numbers('hidden.probe', hidden.probe, size) },
      model: { loss, bias, weights: numbers('weights', parsed.weights, size) },
    };
  }
  const { minLength, maxLength, bits } = (parsed.ngrams ?? {}) as NgramOptions;
  if (!isCount(bits, MAX_BITS) || !isCount(maxLength, 16) || !isCount(minLength, maxLength))
    throw refuse('ngrams', `expected lengths up to 16 and at most ${MAX_BITS} bits`);
  const weights = numbers('weights', parsed.weights, 2 ** bits);
  return { ngrams: { minLength, maxLength, bits }, model: { loss, bias, weights } };
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most;
}

/** Numbers in a probe of so many characters of base64; 0 where it is none. */
function hiddenSizeOf(probe: unknown): number {
  if (typeof probe !== 'string') return 0;
  const numBytes = (probe.length / 4) * 3 - (probe.match(/=*$/)?.[0].length ?? 0);
  return isCount(numBytes / 4, MAX_HIDDEN_SIZE) ? numBytes / 4 : 0;
}

function encodeNumbers(numbers: ArrayLike<number>): string {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  let binary = '';
  for (let begin = 0; begin < bytes.length; begin += 8192)
    binary += String.fromCharCode(...bytes.subarray(begin, begin + 8192));
  return btoa(binary);
}

function decodeNumbers(base64: string, count: number): Float64Array | null {
  if (base64.length !== 4 * Math.ceil((4 * count) / 3)) return null;
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const numbers = Float64Array.from(new Float32Array(bytes.buffer, 0, count));
    return numbers.every(Number.isFinite) ? numbers : null;
  } catch {
    return null;
  }
}
