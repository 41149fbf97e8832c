// What a candidate's point should hold, given the candidate's own numbers: each module is computed in float64
// from the traced values that it reads, and where one of those is missing, from the values that *it* reads,
// up to the ids. So a module is judged by what it was given, and the first wrong one is the first that its
// input does not explain.

import { ropeFrequencies } from '../base/rotations.ts';
import type { ModelConfig } from '../config.ts';
import { inputsOf, placeOf, pointName, pointOf, streamBefore } from '../model/points.ts';
import {
  type Activation,
  type AttentionRule,
  added,
  attentionWeights,
  type Estimate,
  embedded,
  gated,
  linearRows,
  mixed,
  type NormRule,
  normed,
  type RopeRule,
  rotated,
  silu,
} from './bounds.ts';
import type { Arithmetic } from './precision.ts';
import { allOf, headName, type WeightSource } from './weight-source.ts';

/** One program's numbers: whole points by canonical name, in the axes of points.ts. */
export interface Activations {
  readonly config: ModelConfig;
  readonly numRows: number;
  readonly ids?: readonly number[];
  /** Radians per position of each pair, where they are not those of the config. */
  readonly frequencies?: Float64Array;
  /** Values of a point that was traced whole. */
  whole(name: string): Float64Array | undefined;
}

/** How a program may differ from the network of the paper; an empty one does not. */
export interface Variant {
  readonly norm?: Partial<NormRule>;
  /** What `post_attention_layernorm` reads: the stream before attention, or attention's own output. */
  readonly normSource?: 'stream-before-attention' | 'attention-branch';
  readonly rope?: Partial<RopeRule> | 'none';
  readonly attention?: Partial<AttentionRule>;
  readonly activation?: Activation;
  readonly swapsGateAndUp?: boolean;
  /** `residual_after_attention` or `layer` without the stream that should be added. */
  readonly dropsResidual?: boolean;
  readonly withoutBias?: boolean;
  /** Rewrites the input rows [numRows, inSize] of every matrix product. */
  readonly linearInput?: (x: Float64Array, inSize: number) => Float64Array;
  /**
   * Rewrites what attention reads from its cache (keys, values) and multiplies them with (queries, weights).
   */
  readonly cached?: (x: Float64Array) => Float64Array;
  readonly uncached?: (x: Float64Array) => Float64Array;
  /** Rewrites the values of the point itself. */
  readonly output?: (values: Float64Array) => Float64Array;
  readonly weights?: WeightSource;
}

/** Rows of a weight matrix that are decoded at once. */
const WEIGHT_ROWS = 256;

/** The network computed in float64 around one candidate's numbers. */
export class Expectation {
  private readonly activations: Activations;
  private readonly weights: WeightSource | undefined;
  private readonly math: Arithmetic;
  private readonly variant: Variant;
  private readonly computed = new Map<string, Promise<Estimate | undefined>>();

  constructor(
    activations: Activations,
    weights: WeightSource | undefined,
    math: Arithmetic,
    variant: Variant = {},
  ) {
    this.activations = activations;
    this.weights = variant.weights ?? weights;
    this.math = math;
    this.variant = variant;
  }

  /** What the point should hold, from its inputs; undefined where a weight or an input is not to be had. */
  expected(name: string): Promise<Estimate | undefined> {
    let estimate = this.computed.get(name);
    if (!estimate) {
      estimate = this.compute(name);
      this.computed.set(name, estimate);
    }
    return estimate;
  }

  /** The candidate's own values, or what they should be. */
  private async value(name: string): Promise<Estimate | undefined> {
    const values = this.activations.whole(name);
    return values ? { values } : this.expected(name);
  }

  private async compute(name: string): Promise<Estimate | undefined> {
    const { layer, part } = placeOf(name);
    const estimate = await this.module(name, layer ?? -1, part);
    if (!estimate || !this.variant.output) return estimate;
    return { ...estimate, values: this.variant.output(estimate.values) };
  }

  private module(name: string, layer: number, part: string): Promise<Estimate | undefined> {
    const at = (other: string) => pointName(layer, other);
    switch (part) {
      case 'embed_tokens':
        return this.embed();
      case 'input_layernorm':
        return this.norm(streamBefore(layer), `${name}.weight`);
      case 'post_attention_layernorm': {
        const { normSource } = this.variant;
        const stream =
          normSource === 'stream-before-attention' ? streamBefore(layer) : at('residual_after_attention');
        return this.norm(
          normSource === 'attention-branch' ? at('self_attn.o_proj') : stream,
          `${name}.weight`,
        );
      }
      case 'norm':
        return this.norm(streamBefore(this.activations.config.numLayers), 'model.norm.weight');
      case 'lm_head':
        return this.linear('model.norm', this.weights ? headName(this.weights) : '');
      case 'self_attn.q_rope':
        return this.rope(at('self_attn.q_proj'), this.activations.config.numHeads);
      case 'self_attn.k_rope':
        return this.rope(at('self_attn.k_proj'), this.activations.config.numKvHeads);
      case 'self_attn.attn_probs':
        return this.both(at('self_attn.q_rope'), at('self_attn.k_rope'), (q, k) =>
          attentionWeights(this.queried(q), this.remembered(k), this.attentionRule(), this.math),
        );
      case 'self_attn.attn_out':
        return this.both(at('self_attn.attn_probs'), at('self_attn.v_proj'), (probs, v) =>
          // Flash attention never stores its weights: it rounds the sum instead.
          mixed(
            this.variant.attention?.summed ? probs : this.queried(probs),
            this.remembered(v),
            this.attentionRule(),
            this.math,
          ),
        );
      case 'mlp.act':
        return this.act(at('mlp.gate_proj'), at('mlp.up_proj'));
      case 'residual_after_attention':
        return this.residual(streamBefore(layer), at('self_attn.o_proj'));
      case 'layer':
        return this.residual(at('residual_after_attention'), at('mlp.down_proj'));
      default:
        return this.projection(layer, part);
    }
  }

  private projection(layer: number, part: string): Promise<Estimate | undefined> {
    const { swapsGateAndUp } = this.variant;
    const swapped = { 'mlp.gate_proj': 'mlp.up_proj', 'mlp.up_proj': 'mlp.gate_proj' }[part];
    const weight = pointName(layer, swapsGateAndUp && swapped ? swapped : part);
    return this.linear(
      pointName(layer, pointOf(part)?.inputs[0] ?? ''),
      `${weight}.weight`,
      `${weight}.bias`,
    );
  }

  private async both(
    first: string,
    second: string,
    combine: (x: Estimate, y: Estimate) => Estimate,
  ): Promise<Estimate | undefined> {
    const x = await this.value(first);
    const y = await this.value(second);
    return x && y && combine(x, y);
  }

  private async residual(stream: string, branch: string): Promise<Estimate | undefined> {
    if (this.variant.dropsResidual) return this.value(branch);
    return this.both(stream, branch, (x, y) => added(x, y, this.math));
  }

  private act(gate: string, up: string): Promise<Estimate | undefined> {
    const { activation = silu, swapsGateAndUp } = this.variant;
    // Where both projections were traced, swapped weights have swapped them already.
    const swaps = swapsGateAndUp && this.activations.whole(gate) !== undefined;
    return this.both(gate, up, (x, y) => gated(swaps ? y : x, swaps ? x : y, activation, this.math));
  }

  private async embed(): Promise<Estimate | undefined> {
    const { ids, config } = this.activations;
    const weights = this.weights;
    if (!ids || !weights?.shape('model.embed_tokens.weight')) return undefined;
    const values = new Float64Array(ids.length * config.hiddenSize);
    for (const [t, id] of ids.entries()) {
      values.set(await weights.rows('model.embed_tokens.weight', id, id + 1), t * config.hiddenSize);
    }
    return embedded(values, this.math);
  }

  private async norm(source: string, weightName: string): Promise<Estimate | undefined> {
    const weights = this.weights;
    if (!weights?.shape(weightName)) return undefined;
    const x = await this.value(source);
    if (!x) return undefined;
    const rule = { eps: this.activations.config.rmsNormEps, ...this.variant.norm };
    return normed(x, await allOf(weights, weightName), rule, this.math);
  }

  private async rope(source: string, numHeads: number): Promise<Estimate | undefined> {
    const { rope } = this.variant;
    const x = await this.value(source);
    if (!x || rope === 'none')
      return x && { ...x, slack: x.slack ?? x.values.map(Math.abs).map(this.storage) };
    const frequencies = this.activations.frequencies ?? ropeFrequencies(this.activations.config);
    const rule = { frequencies, startPos: 0, ...rope };
    return rotated(x, numHeads, rule, this.math);
  }

  private readonly storage = (size: number): number => 2 * this.math.unit * size + this.math.tiny;

  private queried(x: Estimate): Estimate {
    const { uncached } = this.variant;
    return uncached ? { ...x, values: uncached(x.values) } : x;
  }

  private remembered(x: Estimate): Estimate {
    const { cached } = this.variant;
    return cached ? { ...x, values: cached(x.values) } : x;
  }

  attentionRule(): AttentionRule {
    const { numHeads, numKvHeads, headDim } = this.activations.config;
    return { numHeads, numKvHeads, headDim, scale: 1 / Math.sqrt(headDim), ...this.variant.attention };
  }

  private async linear(source: string, weightName: string, biasName?: string): Promise<Estimate | undefined> {
    const weights = this.weights;
    const shape = weights?.shape(weightName);
    if (!weights || !shape) return undefined;
    const x = await this.value(source);
    if (!x) return undefined;
    const [outSize, inSize] = shape;
    const values = this.variant.linearInput?.(x.values, inSize) ?? x.values;
    const numRows = x.values.length / inSize;
    const out = {
      values: new Float64Array(numRows * outSize),
      slack: new Float64Array(numRows * outSize),
    };
    const hasBias = biasName && !this.variant.withoutBias && weights.shape(biasName);
    const bias = hasBias ? await allOf(weights, biasName) : undefined;
    for (let begin = 0; begin < outSize; begin += WEIGHT_ROWS) {
      const weight = await weights.rows(weightName, begin, Math.min(begin + WEIGHT_ROWS, outSize));
      linearRows(out, { ...x, values }, { weight, bias, begin, inSize, outSize }, this.math);
    }
    return out;
  }

  /**
   * Modules whose own arithmetic the point depends on: itself, and every module between it and the nearest
   * traced values. A fault in any of them can show here.
   */
  static partsBehind(activations: Activations, name: string): Set<string> {
    const parts = new Set<string>();
    const visited = new Set<string>();
    const visit = (point: string) => {
      // Two streams meet in every layer: without this, their ways would double with each.
      if (visited.has(point)) return;
      visited.add(point);
      parts.add(placeOf(point).part);
      for (const input of inputsOf(point, activations.config.numLayers)) {
        if (!activations.whole(input)) visit(input);
      }
    };
    visit(name);
    return parts;
  }
}
