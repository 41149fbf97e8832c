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
  /** Where a norm's fault holds: everywhere, in the final norm, in the layers. */
  readonly normScope?: 'final' | 'layers';
  readonly withoutNormWeight?: boolean;
  readonly normPlusOne?: boolean;
  readonly normDivisor?: number;
  readonly normAbsolute?: boolean;
  readonly normTimes?: number;
  /** Position of a row that should be at `pos`. */
  readonly positionOf?: (pos: number) => number;
  readonly frequencies?: (plain: Float64Array) => Float64Array;
  readonly turned?: (cos: number, sin: number) => readonly [number, number];
  readonly rotaryDim?: number;
  readonly unrotated?: 'q' | 'k';
  /** Rewrites query, key or value heads [rows, heads, headDim] before they are used. */
  readonly heads?: (x: Float64Array, which: 'q' | 'k' | 'v', numHeads: number) => Float64Array;
  readonly kvHead?: (h: number) => number;
  /** Scores before and weights after the softmax. */
  readonly scored?: (score: number, t: number, p: number) => number;
  readonly plusOne?: boolean;
  readonly maskedAfter?: boolean;
  readonly overQueries?: boolean;
  readonly cached?: (x: Float64Array, headDim: number) => Float64Array;
  readonly attended?: (x: Float64Array, numRows: number, numHeads: number) => Float64Array;
  readonly kvLayer?: (layer: number) => number;
  readonly gate?: (z: number, u: number) => number;
  readonly linearInput?: (x: Float64Array, inSize: number) => Float64Array;
  readonly dropsResidual?: 'attention' | 'mlp';
  readonly ids?: (ids: readonly number[]) => readonly number[];
  readonly embedded?: (x: Float64Array) => Float64Array;
  readonly logits?: (x: Float64Array, vocabSize: number) => Float64Array;
  /** Changes the loaded weights. */
  readonly weights?: (weights: Weights, config: ModelConfig) => Weights;
}

export class FaultyEngine extends ReferenceEngine {
  private readonly faults: Faults;
  private readonly round: (value: number) => number;
  /** The weight of the final norm and the rows of the head, by which their calls are known. */
  finalNorm?: Float64Array;
  vocabSize?: number;
  private ropeCalls = 0;
  private addCalls = 0;

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
    super.embed(out, table, this.faults.ids?.(ids) ?? ids);
    if (this.faults.embedded) out.set(this.faults.embedded(out));
    this.roundAll(out);
  }

  override ropeTable(config: ModelConfig, maxSeqLen: number): ReferenceRopeTable {
    const { ropeTheta = config.ropeTheta, positionOffset = 0, rotaryDim = config.headDim } = this.faults;
    const { positionOf = (pos: number) => pos + positionOffset, turned } = this.faults;
    const plain = ropeFrequencies({ ...config, headDim: rotaryDim, ropeTheta });
    const frequencies = this.faults.frequencies?.(plain) ?? plain;
    const size = maxSeqLen * frequencies.length;
    const angle = (at: number) =>
      positionOf(Math.floor(at / frequencies.length)) * frequencies[at % frequencies.length];
    const pair = (at: number) => {
      const [cos, sin] = [Math.cos(angle(at)), Math.sin(angle(at))];
      return turned?.(cos, sin) ?? [cos, sin];
    };
    return {
      cos: Float64Array.from({ length: size }, (_, at) => this.round(pair(at)[0])),
      sin: Float64Array.from({ length: size }, (_, at) => this.round(pair(at)[1])),
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
    const which = this.ropeCalls++ % 2 === 0 ? 'q' : 'k';
    if (this.faults.heads) x.set(this.faults.heads(x, which, numHeads));
    if (this.faults.withoutRope || this.faults.unrotated === which) return;
    const { cos, sin, headDim } = table;
    const half = (this.faults.rotaryDim ?? headDim) / 2;
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
    const { normScope, normTimes = 1, format } = this.faults;
    const isHere = !normScope || (normScope === 'final') === (weight === this.finalNorm);
    if (!isHere) {
      this.normRows(out, x, weight, modelEps, { format });
      return;
    }
    if (normTimes === 0) out.set(x);
    for (let n = 0; n < normTimes; n++) {
      this.normRows(out, n === 0 ? x : out.slice(), weight, modelEps, this.faults);
    }
  }

  private normRows(
    out: Float64Array,
    x: Float64Array,
    weight: Float64Array,
    modelEps: number,
    faults: Faults,
  ): void {
    const { eps = modelEps, epsOutside, centredNorm, weightBeforeCast, normDivisor, normAbsolute } = faults;
    const size = weight.length;
    for (let row = 0; row < x.length; row += size) {
      const values = x.slice(row, row + size);
      const mean = centredNorm ? values.reduce((sum, value) => sum + value, 0) / size : 0;
      let squares = 0;
      for (const value of values) squares += (value - mean) ** 2;
      squares /= normDivisor ?? size;
      if (normAbsolute) squares = (values.reduce((sum, value) => sum + Math.abs(value), 0) / size) ** 2;
      const scale = epsOutside ? 1 / (Math.sqrt(squares) + eps) : 1 / Math.sqrt(squares + eps);
      for (let i = 0; i < size; i++) {
        const plain = (values[i] - mean) * scale;
        const own = this.round(weight[i]);
        const factor = faults.withoutNormWeight ? 1 : faults.normPlusOne ? 1 + own : own;
        out[row + i] = this.round((weightBeforeCast ? plain : this.round(plain)) * factor);
      }
    }
  }

  override linear(out: Float64Array, x: Float64Array, weight: ReferenceMatrix, bias?: Float64Array): void {
    const { outSize, inSize } = weight;
    const row = new Float64Array(inSize);
    const blocks = this.faults.int8 && inSize % 32 === 0 ? quantised(x) : x;
    const inputs = this.faults.linearInput?.(blocks, inSize) ?? blocks;
    const { format = 'f64' } = this.faults;
    if (format === 'f64') {
      super.linear(out, inputs, weight, bias);
      if (this.faults.logits && outSize === this.vocabSize) out.set(this.faults.logits(out, outSize));
      return;
    }
    const numRows = x.length / inSize;
    const sums = new Float64Array(4);
    for (let o = 0; o < outSize; o++) {
      readRow(row, weight, o);
      this.roundAll(row);
      for (let t = 0; t < numRows; t += 4) {
        addInFloat32(sums, row, inputs, t, numRows - 1);
        for (let n = 0; n < Math.min(4, numRows - t); n++) {
          out[(t + n) * outSize + o] = this.round(bias ? sums[n] + this.round(bias[o]) : sums[n]);
        }
      }
    }
    if (this.faults.logits && outSize === this.vocabSize) {
      out.set(this.faults.logits(out.subarray(0, (x.length / inSize) * outSize), outSize));
      this.roundAll(out);
    }
  }

  override attend(
    out: Float64Array,
    q: Float64Array,
    layer: number,
    sequences: readonly Sequence[],
    probs?: Float64Array,
  ): void {
    const { mask = (t, p) => p <= t, tiledHeads, deadHead, deadHeadLayer, attended } = this.faults;
    const { count, startPos, cache } = sequences[0];
    const { numHeads, numKvHeads, headDim, keys: allKeys, values: allValues } = cache as ReferenceKvCache;
    const from = this.faults.kvLayer?.(layer) ?? layer;
    const { cached = (x: Float64Array) => x, heads } = this.faults;
    const length = startPos + count;
    const size = length * numKvHeads * headDim;
    const keys = cached(allKeys[from].subarray(0, size), headDim);
    const held = cached(allValues[from].subarray(0, size), headDim);
    const values = heads?.(held, 'v', numKvHeads) ?? held;
    const scale = this.faults.attentionScale ?? 1 / Math.sqrt(headDim);
    const { round } = this;
    const interleaved = (h: number) => Math.floor((h * numKvHeads) / numHeads);
    const kvHeadOf = this.faults.kvHead ?? (tiledHeads ? (h: number) => h % numKvHeads : interleaved);
    for (let h = 0; h < numHeads; h++) {
      const kvHead = kvHeadOf(h);
      const of = { q, keys, h, kvHead, numHeads, numKvHeads, headDim, scale, mask, count, startPos };
      const weights = this.weightsOf(of);
      for (let t = 0; t < count; t++) {
        const at = (t * numHeads + h) * headDim;
        const shares = weights.subarray(t * length, (t + 1) * length);
        probs?.set(shares, (h * count + t) * length);
        for (let i = 0; i < headDim; i++) {
          let value = 0;
          for (let p = 0; p < length; p++) {
            value += shares[p] * values[(p * numKvHeads + kvHead) * headDim + i];
          }
          const isDead = h === deadHead && (deadHeadLayer === undefined || deadHeadLayer === layer);
          out[at + i] = isDead ? 0 : round(value);
        }
      }
    }
    if (attended) out.set(attended(out.slice(), count, numHeads));
  }

  /** Attention weights of one head, [count, startPos + count]. */
  private weightsOf(of: HeadOfAttention): Float64Array {
    const { q, keys, h, kvHead, numHeads, numKvHeads, headDim, scale, mask, count, startPos } = of;
    const { scored, plusOne, maskedAfter, overQueries } = this.faults;
    const { round } = this;
    const length = startPos + count;
    const scores = new Float64Array(count * length).fill(Number.NEGATIVE_INFINITY);
    for (let t = 0; t < count; t++) {
      const at = (t * numHeads + h) * headDim;
      for (let p = 0; p < length; p++) {
        if (!maskedAfter && !scored && !mask(startPos + t, p)) continue;
        let score = 0;
        for (let i = 0; i < headDim; i++) score += q[at + i] * keys[(p * numKvHeads + kvHead) * headDim + i];
        const scaled = round(round(score) * scale);
        scores[t * length + p] = scored?.(scaled, startPos + t, p) ?? scaled;
      }
    }
    const weights = new Float64Array(count * length);
    const [numLines, lineLength] = overQueries ? [length, count] : [count, length];
    for (let line = 0; line < numLines; line++) {
      const places = Array.from({ length: lineLength }, (_, n) =>
        overQueries ? n * length + line : line * length + n,
      );
      const own = places.map((place) => scores[place]);
      const max = Math.max(plusOne ? 0 : Number.NEGATIVE_INFINITY, ...own);
      const parts = own.map((score) => (max === Number.NEGATIVE_INFINITY ? 0 : Math.exp(score - max)));
      const sum = parts.reduce((total, part) => total + part, plusOne ? Math.exp(-max) : 0) || 1;
      places.forEach((place, n) => {
        const isHidden = maskedAfter && !mask(startPos + Math.floor(place / length), place % length);
        weights[place] = isHidden ? 0 : round(parts[n] / sum);
      });
    }
    return weights;
  }

  override swiglu(out: Float64Array, gate: Float64Array, up: Float64Array): void {
    const activation = this.faults.activation ?? ((z: number) => z / (1 + Math.exp(-z)));
    const { gate: rule } = this.faults;
    for (let i = 0; i < out.length; i++) {
      out[i] = this.round(rule ? rule(gate[i], up[i]) : this.round(activation(gate[i])) * up[i]);
    }
  }

  override add(x: Float64Array, y: Float64Array): void {
    const which = this.addCalls++ % 2 === 0 ? 'attention' : 'mlp';
    if (this.faults.dropsResidual === which) x.set(y);
    else super.add(x, y);
    this.roundAll(x);
  }
}

/** Dot products of rows t … t + 3 of x with a weight's row, each rounded to float32 after every step. */
function addInFloat32(
  sums: Float64Array,
  weight: Float64Array,
  x: Float64Array,
  t: number,
  last: number,
): void {
  const { fround } = Math;
  const inSize = weight.length;
  const [row0, row1] = [t * inSize, Math.min(t + 1, last) * inSize];
  const [row2, row3] = [Math.min(t + 2, last) * inSize, Math.min(t + 3, last) * inSize];
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  for (let i = 0; i < inSize; i++) {
    const w = weight[i];
    sum0 = fround(sum0 + fround(w * x[row0 + i]));
    sum1 = fround(sum1 + fround(w * x[row1 + i]));
    sum2 = fround(sum2 + fround(w * x[row2 + i]));
    sum3 = fround(sum3 + fround(w * x[row3 + i]));
  }
  sums.set([sum0, sum1, sum2, sum3]);
}

interface HeadOfAttention {
  readonly q: Float64Array;
  readonly keys: Float64Array;
  readonly h: number;
  readonly kvHead: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  readonly mask: (t: number, p: number) => boolean;
  readonly count: number;
  readonly startPos: number;
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
export async function faultyModel(checkpoint: Checkpoint, faults: Faults, maxSeqLen = 128): Promise<Model> {
  const engine = new FaultyEngine(faults);
  const weights = await loadWeights(engine, checkpoint.config, checkpoint.tensors);
  const changed = faults.weights?.(weights, checkpoint.config) ?? weights;
  engine.finalNorm = changed.norm as Float64Array;
  engine.vocabSize = checkpoint.config.vocabSize;
  return modelHere(engine, checkpoint.config, changed, maxSeqLen);
}
