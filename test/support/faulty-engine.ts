// A reference engine with switches for the faults that ports have, and one that rounds after every operation
// as a program in float32, float16 or bfloat16 does. It shares no code with src/diff, which must name the
// faults.

import { ropeFrequencies } from '../../src/base/rotations.ts';
import type { ModelConfig } from '../../src/config.ts';
import { type FloatFormat, roundTo } from '../../src/diff/precision.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import type { Model } from '../../src/model/model.ts';
import { loadWeights, type Weights } from '../../src/model/weights.ts';
import type { Sequence } from '../../src/ops.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';
import type { ReferenceKvCache } from '../../src/reference/kv-cache.ts';
import { type ReferenceMatrix, readRow } from '../../src/reference/matrix.ts';
import type { ReferenceRopeTable } from '../../src/reference/rope.ts';
import { modelHere } from '../../src/run/loaded-model.ts';

export interface Faults {
  /** Rounds after every operation, and weights; float64 when absent. */
  readonly format?: FloatFormat;
  readonly interleavedRope?: boolean;
  readonly ropeTheta?: number;
  readonly positionOffset?: number;
  readonly withoutRope?: boolean;
  readonly attentionScale?: number;
  readonly tiledHeads?: boolean;
  readonly mask?: (t: number, p: number) => boolean;
  readonly eps?: number;
  readonly epsOutside?: boolean;
  readonly centredNorm?: boolean;
  readonly weightBeforeCast?: boolean;
  readonly activation?: (z: number) => number;
  readonly int8?: boolean;
  readonly deadHead?: number;
  readonly deadHeadLayer?: number;
  /** Changes the loaded weights. */
  readonly weights?: (weights: Weights, config: ModelConfig) => Weights;
}

export class FaultyEngine extends ReferenceEngine {
  private readonly faults: Faults;
  private readonly round: (value: number) => number;

  constructor(faults: Faults) {
    super();
    this.faults = faults;
    const { format = 'f64' } = faults;
    this.round = (value) => roundTo(format, value);
  }

  private roundAll(x: Float64Array): void {
    if (!this.faults.format) return;
    for (let i = 0; i < x.length; i++) x[i] = this.round(x[i]);
  }

  override embed(out: Float64Array, table: ReferenceMatrix, ids: readonly number[]): void {
    super.embed(out, table, ids);
    this.roundAll(out);
  }

  override ropeTable(config: ModelConfig, maxSeqLen: number): ReferenceRopeTable {
    const { ropeTheta = config.ropeTheta, positionOffset = 0 } = this.faults;
    const frequencies = ropeFrequencies({ ...config, ropeTheta });
    const size = maxSeqLen * frequencies.length;
    const angle = (at: number) =>
      (Math.floor(at / frequencies.length) + positionOffset) * frequencies[at % frequencies.length];
    return {
      cos: Float64Array.from({ length: size }, (_, at) => this.round(Math.cos(angle(at)))),
      sin: Float64Array.from({ length: size }, (_, at) => this.round(Math.sin(angle(at)))),
      headDim: config.headDim,
      maxSeqLen,
    };
  }

  override rope(
    x: Float64Array,
    table: ReferenceRopeTable,
    numHeads: number,
    sequences: readonly Sequence[],
  ): void {
    if (this.faults.withoutRope) return;
    const { cos, sin, headDim } = table;
    const half = headDim / 2;
    for (const { begin, count, startPos } of sequences) {
      for (let row = 0; row < count * numHeads; row++) {
        const head = (begin * numHeads + row) * headDim;
        const angle = (startPos + Math.floor(row / numHeads)) * half;
        for (let j = 0; j < half; j++) {
          const a = head + (this.faults.interleavedRope ? 2 * j : j);
          const b = this.faults.interleavedRope ? a + 1 : a + half;
          const [first, second] = [x[a], x[b]];
          const { round } = this;
          x[a] = round(round(first * cos[angle + j]) - round(second * sin[angle + j]));
          x[b] = round(round(second * cos[angle + j]) + round(first * sin[angle + j]));
        }
      }
    }
  }

  override rmsNorm(out: Float64Array, x: Float64Array, weight: Float64Array, modelEps: number): void {
    const { eps = modelEps, epsOutside, centredNorm, weightBeforeCast } = this.faults;
    const size = weight.length;
    for (let row = 0; row < x.length; row += size) {
      const values = x.slice(row, row + size);
      const mean = centredNorm ? values.reduce((sum, value) => sum + value, 0) / size : 0;
      let squares = 0;
      for (const value of values) squares += (value - mean) ** 2;
      const scale = epsOutside ? 1 / (Math.sqrt(squares / size) + eps) : 1 / Math.sqrt(squares / size + eps);
      for (let i = 0; i < size; i++) {
        const plain = (values[i] - mean) * scale;
        const scaled = (weightBeforeCast ? plain : this.round(plain)) * this.round(weight[i]);
        out[row + i] = this.round(scaled);
      }
    }
  }

  override linear(out: Float64Array, x: Float64Array, weight: ReferenceMatrix, bias?: Float64Array): void {
    const { outSize, inSize } = weight;
    const row = new Float64Array(inSize);
    const inputs = this.faults.int8 && inSize % 32 === 0 ? quantised(x) : x;
    const adds32 = this.faults.format !== undefined && this.faults.format !== 'f64';
    for (let o = 0; o < outSize; o++) {
      readRow(row, weight, o);
      this.roundAll(row);
      for (let t = 0; t < x.length / inSize; t++) {
        let sum = 0;
        for (let i = 0; i < inSize; i++) {
          const product = row[i] * inputs[t * inSize + i];
          sum = adds32 ? Math.fround(sum + Math.fround(product)) : sum + product;
        }
        out[t * outSize + o] = this.round(bias ? sum + this.round(bias[o]) : sum);
      }
    }
  }

  override attend(
    out: Float64Array,
    q: Float64Array,
    layer: number,
    sequences: readonly Sequence[],
    probs?: Float64Array,
  ): void {
    const { mask = (t, p) => p <= t, tiledHeads, deadHead, deadHeadLayer } = this.faults;
    const { count, cache } = sequences[0];
    const { numHeads, numKvHeads, headDim, keys, values } = cache as ReferenceKvCache;
    const scale = this.faults.attentionScale ?? 1 / Math.sqrt(headDim);
    const { round } = this;
    for (let h = 0; h < numHeads; h++) {
      const kvHead = tiledHeads ? h % numKvHeads : Math.floor((h * numKvHeads) / numHeads);
      for (let t = 0; t < count; t++) {
        const at = (t * numHeads + h) * headDim;
        const scores = Array.from({ length: count }, (_, p) => {
          if (!mask(t, p)) return Number.NEGATIVE_INFINITY;
          let score = 0;
          for (let i = 0; i < headDim; i++) {
            score += q[at + i] * keys[layer][(p * numKvHeads + kvHead) * headDim + i];
          }
          return round(round(score) * scale);
        });
        const max = Math.max(...scores);
        const weights = scores.map((score) => (max === Number.NEGATIVE_INFINITY ? 0 : Math.exp(score - max)));
        const sum = weights.reduce((total, weight) => total + weight, 0) || 1;
        const shares = weights.map((weight) => round(weight / sum));
        probs?.set(shares, (h * count + t) * count);
        for (let i = 0; i < headDim; i++) {
          let value = 0;
          for (let p = 0; p < count; p++) {
            value += shares[p] * values[layer][(p * numKvHeads + kvHead) * headDim + i];
          }
          const isDead = h === deadHead && (deadHeadLayer === undefined || deadHeadLayer === layer);
          out[at + i] = isDead ? 0 : round(value);
        }
      }
    }
  }

  override swiglu(out: Float64Array, gate: Float64Array, up: Float64Array): void {
    const activation = this.faults.activation ?? ((z: number) => z / (1 + Math.exp(-z)));
    for (let i = 0; i < out.length; i++) out[i] = this.round(this.round(activation(gate[i])) * up[i]);
  }

  override add(x: Float64Array, y: Float64Array): void {
    super.add(x, y);
    this.roundAll(x);
  }
}

/** Blocks of 32 values as whole multiples of a scale, as llama.cpp's Q8_0. */
function quantised(x: Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += 32) {
    const block = x.subarray(begin, begin + 32);
    const scale = Math.max(...block.map(Math.abs)) / 127;
    block.forEach((value, i) => {
      out[begin + i] = scale === 0 ? 0 : roundTo('f16', scale) * Math.round(value / scale);
    });
  }
  return out;
}

/** A model with the given faults and the checkpoint's weights. */
export async function faultyModel(checkpoint: Checkpoint, faults: Faults): Promise<Model> {
  const engine = new FaultyEngine(faults);
  const weights = await loadWeights(engine, checkpoint.config, checkpoint.tensors);
  const changed = faults.weights?.(weights, checkpoint.config) ?? weights;
  return modelHere(engine, checkpoint.config, changed, 128);
}
