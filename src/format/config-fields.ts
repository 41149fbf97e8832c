// Numbers of a model's config out of foreign JSON or GGUF metadata: every one is checked here.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { ModelConfig } from '../config.ts';

/** Sizes a config may name: an order of magnitude over the family's, so that products of three stay exact. */
const MAX_SIZE = 2 ** 20;
const MAX_LAYERS = 512;

/**
 * A config whose numbers fit each other.
 *
 * @throws FormatError with the field that does not
 */
export function checkConfig(config: ModelConfig, file: string): ModelConfig {
  const refuse = (field: string, expected: string, got: unknown): never => {
    throw new FormatError(`expected ${expected}, got ${got}`, { file, field });
  };
  const { numHeads, numKvHeads, headDim, numLayers } = config;
  if (numLayers > MAX_LAYERS) refuse('numLayers', `at most ${MAX_LAYERS}`, numLayers);
  if (numHeads % numKvHeads !== 0) refuse('numKvHeads', `a divisor of numHeads ${numHeads}`, numKvHeads);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) refuse('headDim', 'an even whole number', headDim);
  for (const field of [
    'vocabSize',
    'hiddenSize',
    'intermediateSize',
    'maxSeqLen',
    'headDim',
    'numHeads',
  ] as const) {
    if (config[field] > MAX_SIZE) refuse(field, `at most ${MAX_SIZE}`, config[field]);
  }
  // Below 1 the rotary frequencies grow from pair to pair, beyond what sines are computed for.
  if (config.ropeTheta < 1) refuse('ropeTheta', 'at least 1', config.ropeTheta);
  for (const id of config.eosIds)
    if (id < 0 || id >= config.vocabSize) refuse('eosIds', `ids below ${config.vocabSize}`, id);
  return config;
}

/** Reads checked numbers out of foreign JSON or metadata. */
export class FieldReader {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly file: string;

  constructor(fields: Readonly<Record<string, unknown>>, file: string) {
    this.fields = fields;
    this.file = file;
  }

  private get(field: string, fallback: number | undefined): unknown {
    const value = Object.hasOwn(this.fields, field) ? (this.fields[field] ?? fallback) : fallback;
    if (value === undefined)
      throw new FormatError('expected a number, got nothing', { file: this.file, field });
    return value;
  }

  /** A whole number of at least one. */
  count(field: string, fallback?: number): number {
    const value = this.get(field, fallback);
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      throw new FormatError(`expected a whole number of at least 1, got ${shown(value)}`, {
        file: this.file,
        field,
      });
    }
    return value as number;
  }

  /** A finite number above zero. */
  positive(field: string, fallback?: number): number {
    const value = this.get(field, fallback);
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new FormatError(`expected a finite number above 0, got ${shown(value)}`, {
        file: this.file,
        field,
      });
    }
    return value;
  }

  /** A token id below `vocabSize`. */
  id(field: string, vocabSize: number): number {
    const value = this.get(field, undefined);
    if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) >= vocabSize) {
      throw new FormatError(`expected an id below ${vocabSize}, got ${shown(value)}`, {
        file: this.file,
        field,
      });
    }
    return value as number;
  }
}
