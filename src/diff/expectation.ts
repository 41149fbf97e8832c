// What a candidate's point should hold, given the candidate's own numbers: each module is computed in float64
// from the traced values that it reads, and where one of those is missing, from the values that *it* reads,
// up to the ids. So a module is judged by what it was given, and the first wrong one is the first that its
// input does not explain.

import { ropeFrequencies } from '../base/rotations.ts';
import type { ModelConfig } from '../config.ts';
import { inputsOf, placeOf, pointName, pointOf } from '../model/points.ts';
import { type AttentionRule, attentionWeights, mixed, rotated } from './attention-bounds.ts';
import { added, type Estimate, embedded, gated, linearRows, normed, roughRows, swiglu } from './bounds.ts';
import type { Arithmetic } from './precision.ts';
import { changesRule, type Variant, variantAt } from './variant.ts';
import { allOf, headName, WEIGHT_ROWS, type WeightSource } from './weight-source.ts';

/** One program's numbers: whole points by canonical name, in the axes of model/points.ts. */
export interface Activations {
  readonly config: ModelConfig;
  readonly numRows: number;
  readonly ids?: readonly number[];
  /** Radians per position of each pair, where they are not those of the config. */
  readonly frequencies?: Float64Array;
  /** Values of a point that was traced whole. */
  whole(name: string): Float64Array | undefined;
}

export interface ExpectationOptions {
  /** Differences from the network of the paper. */
  readonly variants?: readonly Variant[];
  /** Without bounds: for hypotheses that run through many layers, whose bound is measured elsewhere. */
  readonly valuesOnly?: boolean;
  /** Standard normal numbers: every module is then off by a part of its own bound, as a program would be. */
  readonly noise?: () => number;
  /** The network without the variants: what they do not change is read there. */
  readonly plain?: Expectation;
}

/**
 * Standard deviation of a module's error in a plain float program, as a share of its bound: sums that run through
 * their terms one after the other have a tenth (√(n / 2) · u · s / √3 against 4 · √n · u · s), sums in lanes less.
 */
const NOISE_OF_BOUND = 0.1;

/** The network computed in float64 around one candidate's numbers. */
export class Expectation {
  private readonly activations: Activations;
  private readonly weights: WeightSource | undefined;
  private readonly math: Arithmetic;
  private readonly options: ExpectationOptions;
  private readonly variants: readonly Variant[];
  private readonly computed = new Map<string, Promise<Estimate | undefined>>();
  private readonly changed = new Map<string, boolean>();

  constructor(
    activations: Activations,
    weights: WeightSource | undefined,
    math: Arithmetic,
    options: ExpectationOptions = {},
  ) {
    this.activations = activations;
    this.weights = weights;
    this.math = math;
    this.options = options;
    this.variants = options.variants ?? [];
  }

  /** What the point should hold, from its inputs; undefined where a weight or an input is not to be had. */
  expected(name: string): Promise<Estimate | undefined> {
    let estimate = this.computed.get(name);
    if (!estimate) {
      const { plain } = this.options;
      estimate = plain && !this.isChanged(name) ? plain.expected(name) : this.compute(name);
      this.computed.set(name, estimate);
    }
    return estimate;
  }

  /** Whether a variant changes the point itself or anything that it is computed from. */
  private isChanged(name: string): boolean {
    const known = this.changed.get(name);
    if (known !== undefined) return known;
    const changed =
      this.isChangedItself(name) ||
      this.inputsOf(name).some((input) => !this.activations.whole(input) && this.isChanged(input));
    this.changed.set(name, changed);
    return changed;
  }

  /** Whether a variant changes how the point is made, or what it reads. */
  private isChangedItself(name: string): boolean {
    const place = placeOf(name);
    return (
      changesRule(this.variants, place, pointOf(place.part)?.rule) ||
      this.inputsOf(name).some((input) => this.readBy(name, input) !== input)
    );
  }

  private inputsOf(name: string): readonly string[] {
    return inputsOf(name, this.activations.config.numLayers);
  }

  /** The plain estimate of a point that could have changed, where all that it reads came out the same. */
  private async plainAfterAll(name: string): Promise<Estimate | undefined> {
    const { plain, valuesOnly } = this.options;
    if (!plain || !valuesOnly || this.isChangedItself(name)) return undefined;
    for (const input of this.inputsOf(name)) {
      if (this.activations.whole(input)) continue;
      if ((await this.expected(input)) !== (await plain.expected(input))) return undefined;
    }
    return plain.expected(name);
  }

  private variantOf(name: string): Variant {
    const { layer, part } = placeOf(name);
    return variantAt(this.variants, part, layer);
  }

  private readBy(name: string, input: string): string {
    return this.variantOf(name).reads?.(name, input) ?? input;
  }

  /** The candidate's own values, or what they should be. */
  private async value(name: string): Promise<Estimate | undefined> {
    const values = this.activations.whole(name);
    if (values) return { values };
    const estimate = await this.expected(name);
    return estimate && this.isSharp ? { values: estimate.values } : estimate;
  }

  /** Whether inputs count as exact: their errors are then in their values, or of no interest. */
  private get isSharp(): boolean {
    return this.options.valuesOnly === true || this.options.noise !== undefined;
  }

  private async compute(name: string): Promise<Estimate | undefined> {
    const same = await this.plainAfterAll(name);
    if (same) return same;
    const variant = this.variantOf(name);
    const estimate = await this.module(name, variant);
    if (!estimate) return undefined;
    const values = variant.output?.(estimate.values, this.activations.numRows) ?? estimate.values;
    const plain = this.options.valuesOnly ? await this.options.plain?.expected(name) : undefined;
    if (plain && isSame(plain.values, values)) return plain;
    const { noise } = this.options;
    if (!noise || !estimate.slack) return { ...estimate, values };
    const { slack } = estimate;
    return { values: values.map((value, i) => value + NOISE_OF_BOUND * slack[i] * noise()) };
  }

  private async module(name: string, variant: Variant): Promise<Estimate | undefined> {
    const { config } = this.activations;
    const { layer, part } = placeOf(name);
    const rule = pointOf(part)?.rule;
    if (rule === 'embed') return this.embed(variant);
    const inputs: Estimate[] = [];
    for (const input of inputsOf(name, config.numLayers)) {
      // The stream is not read where it is not added.
      if (rule === 'add' && variant.dropsResidual && inputs.length === 0 && !/_proj$/.test(input)) continue;
      const estimate = await this.value(this.readBy(name, input));
      if (!estimate) return undefined;
      inputs.push(estimate);
    }
    const [x, y] = inputs;
    switch (rule) {
      case 'norm':
        return this.norm(x, `${name}.weight`, variant);
      case 'linear':
        return this.linear(x, this.weightName(name, layer), variant);
      case 'rope':
        return this.rope(x, part === 'self_attn.q_rope' ? config.numHeads : config.numKvHeads, variant);
      case 'softmax':
        return attentionWeights(
          changed(x, variant.uncached),
          changed(y, (k) => variant.cached?.(k, 'k') ?? k),
          this.attentionRule(variant),
          this.math,
        );
      case 'mix':
        return this.mix(x, y, variant);
      case 'gate':
        return gated(x, y, variant.gate ?? swiglu, this.math);
      default:
        return y ? added(x, y, this.math) : x;
    }
  }

  private weightName(name: string, layer: number | undefined): string {
    return layer === undefined && this.weights ? headName(this.weights) : `${name}.weight`;
  }

  private async embed({ ids: otherIds, weights: view }: Variant): Promise<Estimate | undefined> {
    const { ids: own, config } = this.activations;
    const weights = this.weights && (view?.(this.weights) ?? this.weights);
    if (!own || !weights?.shape('model.embed_tokens.weight')) return undefined;
    const ids = otherIds?.(own) ?? own;
    const values = new Float64Array(ids.length * config.hiddenSize);
    for (const [t, id] of ids.entries()) {
      const row = Math.max(0, Math.min(id, config.vocabSize - 1));
      values.set(await weights.rows('model.embed_tokens.weight', row, row + 1), t * config.hiddenSize);
    }
    return embedded(values, this.math);
  }

  private async norm(x: Estimate, weightName: string, variant: Variant): Promise<Estimate | undefined> {
    const weights = this.weights && (variant.weights?.(this.weights) ?? this.weights);
    if (!weights?.shape(weightName)) return undefined;
    const weight = await allOf(weights, weightName);
    const rule = { eps: this.activations.config.rmsNormEps, ...variant.norm };
    const storage = (value: number) => 2 * this.math.unit * Math.abs(value) + this.math.tiny;
    let out: Estimate = { values: x.values, slack: x.slack ?? x.values.map(storage) };
    for (let n = 0; n < (rule.times ?? 1); n++) out = normed(n === 0 ? x : out, weight, rule, this.math);
    return out;
  }

  private rope(x: Estimate, numHeads: number, variant: Variant): Estimate {
    const { rope } = variant;
    const { config, frequencies } = this.activations;
    const heads = changed(x, variant.split && ((values) => variant.split?.(values, numHeads) ?? values));
    const storage = (value: number) => 2 * this.math.unit * Math.abs(value) + this.math.tiny;
    if (rope === 'none') return { ...heads, slack: heads.slack ?? heads.values.map(storage) };
    const rule = { frequencies: frequencies ?? ropeFrequencies(config), headDim: config.headDim, ...rope };
    return rotated(heads, numHeads, rule, this.math);
  }

  private mix(probs: Estimate, v: Estimate, variant: Variant): Estimate {
    const { numKvHeads } = this.activations.config;
    const { cached, split, attention, uncached } = variant;
    const read = (values: Float64Array) => {
      const heads = split?.(values, numKvHeads) ?? values;
      return cached?.(heads, 'v') ?? heads;
    };
    // Flash attention never stores its weights: it rounds the sum instead.
    const weights = attention?.summed ? probs : changed(probs, uncached);
    return mixed(weights, changed(v, read), this.attentionRule(variant), this.math);
  }

  private attentionRule({ attention }: Variant): AttentionRule {
    const { numHeads, numKvHeads, headDim } = this.activations.config;
    return { numHeads, numKvHeads, headDim, scale: 1 / Math.sqrt(headDim), ...attention };
  }

  private async linear(x: Estimate, weightName: string, variant: Variant): Promise<Estimate | undefined> {
    const weights = this.weights && (variant.weights?.(this.weights) ?? this.weights);
    const shape = weights?.shape(weightName);
    if (!weights || !shape) return undefined;
    const [outSize, inSize] = shape;
    const values = variant.linearInput?.(x.values, inSize) ?? x.values;
    const size = (x.values.length / inSize) * outSize;
    const out: Estimate = {
      values: new Float64Array(size),
      ...(this.options.valuesOnly ? {} : { slack: new Float64Array(size) }),
    };
    const biasName = weightName.replace(/weight$/, 'bias');
    const hasBias = !variant.withoutBias && weights.shape(biasName);
    const bias = hasBias ? await allOf(weights, biasName) : undefined;
    for (let begin = 0; begin < outSize; begin += WEIGHT_ROWS) {
      const weight = await weights.rows(weightName, begin, Math.min(begin + WEIGHT_ROWS, outSize));
      const rows = { weight, bias, begin, inSize, outSize, products: weights.products };
      if (this.options.noise && out.slack) roughRows({ ...out, slack: out.slack }, values, rows, this.math);
      else linearRows(out, { ...x, values }, rows, this.math);
    }
    return out;
  }
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function changed(x: Estimate, change: ((values: Float64Array) => Float64Array) | undefined): Estimate {
  return change ? { ...x, values: change(x.values) } : x;
}

/**
 * Points whose own arithmetic a point depends on: itself, and every one between it and the nearest traced values. A
 * fault in any of them can show here.
 */
export function pointsBehind(activations: Activations, name: string): Set<string> {
  const visited = new Set<string>();
  const visit = (point: string) => {
    // Two streams meet in every layer: without this, their ways would double with each.
    if (visited.has(point)) return;
    visited.add(point);
    for (const input of inputsOf(point, activations.config.numLayers)) {
      if (!activations.whole(input)) visit(input);
    }
  };
  visit(name);
  return visited;
}

/** The first rows of a candidate's numbers. */
export function firstRows(activations: Activations, numRows: number): Activations {
  if (numRows >= activations.numRows) return activations;
  const cut = (name: string, values: Float64Array): Float64Array => {
    if (placeOf(name).part !== 'self_attn.attn_probs') {
      return values.subarray(0, (values.length / activations.numRows) * numRows);
    }
    const { numHeads } = activations.config;
    const out = new Float64Array(numHeads * numRows * numRows);
    for (let row = 0; row < numHeads * numRows; row++) {
      const [h, t] = [Math.floor(row / numRows), row % numRows];
      const from = (h * activations.numRows + t) * activations.numRows;
      out.set(values.subarray(from, from + numRows), row * numRows);
    }
    return out;
  };
  return {
    ...activations,
    numRows,
    ids: activations.ids?.slice(0, numRows),
    whole: (name) => {
      const values = activations.whole(name);
      return values && cut(name, values);
    },
  };
}

/** Name of the block's own output, or of the embedding: what a hypothesis reads instead of a stream. */
export function layerOutput(layer: number): string {
  return layer < 0 ? 'model.embed_tokens' : pointName(layer, 'layer');
}
