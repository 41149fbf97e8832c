// The fast side of src/ops-backward.ts: handles become addresses, and kernels (assembly/training) share the work.
// Every worker of a team runs the same calls in the same order; kernels claim units of work and wait for each other
// (assembly/team.ts), so no result depends on who computed it.

import { rotations } from '../base/rotations.ts';
import type { ModelConfig } from '../config.ts';
import type { RopeTable, Sequence } from '../ops.ts';
import type {
  AdamWStep,
  AttentionRecord,
  Dense,
  HeadShape,
  RowLosses,
  TrainingEngine,
} from '../ops-backward.ts';
import type { TrainingKernels } from './training-kernels.ts';
import { numPieces, START, TrainingMemory, type TrainingShape, type WasmBuffer } from './training-memory.ts';

/** Polls before a worker that waits goes to sleep: some tens of microseconds, as long as a wake-up takes. */
const SPIN = 20_000;
/** Private bytes of a worker: record, packed panel of 576 rows, tile; scores come on top. */
const RECORD_BYTES = 256;
const PANEL_BYTES = 576 * 64;
const TILE_BYTES = 128;
/** Rows of scores of a block of queries, twice (weights and their gradients). */
const SCORE_ROWS = 2 * 64;
/** Values behind the last score of a row: a panel, and one more against aliasing (assembly/training/attend.ts). */
const SCORE_TAIL = 32;
/** Queries of a block. */
const QUERY_BLOCK = 64;
/** Logits in memory at once: rows of this many values in all, but no fewer than LOSS_ROWS. */
const LOGITS_VALUES = 2 ** 21;
const LOSS_ROWS = 256;
/** Values between rows of logits beyond the vocabulary: rows a power of two apart would share few cache lines. */
const LOGITS_PAD = 16;

interface WasmRopeTable extends RopeTable {
  readonly cosines: WasmBuffer; // [maxSeqLen, half]
  readonly sines: WasmBuffer; // [maxSeqLen, half]
  readonly half: number;
}

/** Addresses of what a pass knows about its rows. */
interface RowPlaces {
  readonly ids: number; // [maxRows] i32
  readonly labels: number; // [maxRows] i32
  readonly weights: number; // [maxRows] f32
  readonly positions: number; // [maxRows] i32
  readonly blocks: number; // [maxRows][3] i32
  readonly sequences: number; // [maxRows][2] i32
  readonly heads: number; // a record
  readonly results: number; // [maxRows][3] f64
  readonly scales: number; // [maxRows] f64
}

export class WasmTraining implements TrainingEngine<WasmBuffer> {
  readonly name = 'wasm';
  readonly memory: TrainingMemory;
  private readonly kernels: TrainingKernels;
  private readonly buffer: ArrayBufferLike;
  private readonly shape: TrainingShape;
  private readonly me: number;
  private readonly rows: RowPlaces;
  private places: readonly Sequence[] | undefined;

  /**
   * @param buffer the linear memory; empty in a rehearsal, which only counts (src/run/training-plan.ts)
   * @param index  of this worker
   */
  constructor(kernels: TrainingKernels, buffer: ArrayBufferLike, shape: TrainingShape, index: number) {
    const { numWorkers, maxRows, maxSeqLen, isWide = false } = shape;
    this.kernels = kernels;
    this.buffer = buffer;
    this.shape = shape;
    if (kernels.heapBase() > START) throw new RangeError(`kernels: expected constants below ${START}`);
    const memory = new TrainingMemory(START);
    this.memory = memory;
    const control = memory.reserve(192 + 64 * numWorkers);
    const members = Array.from({ length: numWorkers }, () => ({
      record: memory.reserve(RECORD_BYTES),
      panels: memory.reserve(PANEL_BYTES),
      tile: memory.reserve(TILE_BYTES),
      scores: memory.reserve(4 * SCORE_ROWS * (maxSeqLen + SCORE_TAIL)),
    }));
    this.rows = {
      ids: memory.reserve(4 * maxRows),
      labels: memory.reserve(4 * maxRows),
      weights: memory.reserve(4 * maxRows),
      positions: memory.reserve(4 * maxRows),
      blocks: memory.reserve(12 * maxRows),
      sequences: memory.reserve(8 * maxRows),
      heads: memory.reserve(RECORD_BYTES),
      results: memory.reserve(24 * maxRows),
      scales: memory.reserve(8 * maxRows),
    };
    const { record, panels, tile, scores } = members[index];
    this.me = record;
    kernels.setUpWorker(record, numWorkers, index, control, SPIN, panels, tile, scores, isWide);
  }

  keep(length: number): WasmBuffer {
    return this.memory.keep(length);
  }

  take(length: number): WasmBuffer {
    return this.memory.take(length);
  }

  free(x: WasmBuffer): void {
    this.memory.free(x);
  }

  endPass(): void {
    this.memory.endPass();
    this.places = undefined;
  }

  ropeTable(config: ModelConfig, maxSeqLen: number): WasmRopeTable {
    const half = config.headDim / 2;
    const table = {
      cosines: this.keep(maxSeqLen * half),
      sines: this.keep(maxSeqLen * half),
      half,
      maxSeqLen,
    };
    if (this.buffer.byteLength > 0) {
      const { cos, sin } = rotations(config, maxSeqLen);
      this.write(table.cosines, cos);
      this.write(table.sines, sin);
    }
    return table;
  }

  read({ ptr, length }: WasmBuffer): Float32Array {
    return new Float32Array(this.buffer, ptr, length).slice();
  }

  write({ ptr, length }: WasmBuffer, values: ArrayLike<number>): void {
    new Float32Array(this.buffer, ptr, length).set(values);
  }

  /** The memory itself, where a copy would be too much. */
  view({ ptr, length }: WasmBuffer): Float32Array {
    return new Float32Array(this.buffer, ptr, length);
  }

  clear(x: WasmBuffer): void {
    this.kernels.copy(this.me, x.ptr, 0, x.length);
  }

  copy(out: WasmBuffer, x: WasmBuffer): void {
    this.kernels.copy(this.me, out.ptr, x.ptr, x.length);
  }

  embed(out: WasmBuffer, table: Dense<WasmBuffer>, ids: readonly number[]): void {
    this.put(this.rows.ids, ids);
    this.kernels.embed(this.me, out.ptr, table.values.ptr, this.rows.ids, ids.length, table.inSize);
  }

  embedBackward(dTable: WasmBuffer, dOut: WasmBuffer, ids: readonly number[]): void {
    const size = dOut.length / ids.length;
    this.kernels.embedBackward(this.me, dTable.ptr, dOut.ptr, this.rows.ids, ids.length, size);
  }

  rmsNorm(out: WasmBuffer, x: WasmBuffer, weight: WasmBuffer, eps: number): void {
    const rows = x.length / weight.length;
    this.kernels.rmsNorm(this.me, out.ptr, x.ptr, weight.ptr, rows, weight.length, eps);
  }

  rmsNormBackward(
    dX: WasmBuffer | undefined,
    dWeight: WasmBuffer | undefined,
    dOut: WasmBuffer,
    x: WasmBuffer,
    weight: WasmBuffer,
    eps: number,
    adds: boolean,
  ): void {
    const gradients = [dX?.ptr ?? 0, dWeight?.ptr ?? 0, dOut.ptr] as const;
    const rows = x.length / weight.length;
    const values = [x.ptr, weight.ptr, this.rows.scales, rows, weight.length, eps] as const;
    this.kernels.rmsNormBackward(this.me, ...gradients, ...values, adds);
  }

  linear(out: WasmBuffer, x: WasmBuffer, weight: Dense<WasmBuffer>, bias?: WasmBuffer): void {
    const { outSize, inSize, values } = weight;
    const rows = x.length / inSize;
    const operands = [x.ptr, values.ptr, bias?.ptr ?? 0] as const;
    this.kernels.linear(this.me, out.ptr, 4 * outSize, ...operands, rows, inSize, outSize);
  }

  linearBackwardInput(dX: WasmBuffer, dOut: WasmBuffer, weight: Dense<WasmBuffer>, adds: boolean): void {
    const { outSize, inSize, values } = weight;
    const operands = [dX.ptr, dOut.ptr, 4 * outSize, values.ptr] as const;
    this.kernels.linearBackwardInput(this.me, ...operands, dX.length / inSize, inSize, outSize, adds);
  }

  linearBackwardWeight(
    dWeight: WasmBuffer,
    dOut: WasmBuffer,
    x: WasmBuffer,
    { outSize, inSize }: Dense<WasmBuffer>,
  ): void {
    const operands = [dWeight.ptr, dOut.ptr, 4 * outSize, x.ptr] as const;
    this.kernels.linearBackwardWeight(this.me, ...operands, x.length / inSize, inSize, outSize);
  }

  biasBackward(dBias: WasmBuffer, dOut: WasmBuffer): void {
    this.kernels.biasBackward(this.me, dBias.ptr, dOut.ptr, dOut.length / dBias.length, dBias.length);
  }

  rope(x: WasmBuffer, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    this.rotate(x, table as WasmRopeTable, numHeads, sequences, 1);
  }

  ropeBackward(dOut: WasmBuffer, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    this.rotate(dOut, table as WasmRopeTable, numHeads, sequences, -1);
  }

  private rotate(
    x: WasmBuffer,
    { cosines, sines, half }: WasmRopeTable,
    numHeads: number,
    sequences: readonly Sequence[],
    direction: number,
  ): void {
    this.place(sequences);
    const rows = x.length / (numHeads * 2 * half);
    const tables = [this.rows.positions, cosines.ptr, sines.ptr] as const;
    this.kernels.rope(this.me, x.ptr, ...tables, rows, numHeads, half, direction);
  }

  attend(record: AttentionRecord<WasmBuffer>, heads: HeadShape, sequences: readonly Sequence[]): void {
    this.place(sequences);
    this.setHeads(heads, sequences);
    const { q, k, v, out, logSums } = record;
    this.kernels.attend(this.me, this.rows.heads, out.ptr, logSums.ptr, q.ptr, k.ptr, v.ptr);
  }

  attendBackward(
    dQ: WasmBuffer,
    dK: WasmBuffer,
    dV: WasmBuffer,
    dOut: WasmBuffer,
    record: AttentionRecord<WasmBuffer>,
    heads: HeadShape,
    sequences: readonly Sequence[],
  ): void {
    this.place(sequences);
    this.setHeads(heads, sequences);
    const { q, k, v, out, logSums } = record;
    const gradients = [dQ.ptr, dK.ptr, dV.ptr, dOut.ptr] as const;
    const kept = [out.ptr, logSums.ptr, q.ptr, k.ptr, v.ptr] as const;
    this.kernels.attendBackward(this.me, this.rows.heads, ...gradients, ...kept);
  }

  swiglu(out: WasmBuffer, gate: WasmBuffer, up: WasmBuffer): void {
    this.kernels.swiglu(this.me, out.ptr, gate.ptr, up.ptr, out.length);
  }

  swigluBackward(
    dGate: WasmBuffer,
    dUp: WasmBuffer,
    dOut: WasmBuffer,
    gate: WasmBuffer,
    up: WasmBuffer,
  ): void {
    this.kernels.swigluBackward(this.me, dGate.ptr, dUp.ptr, dOut.ptr, gate.ptr, up.ptr, dOut.length);
  }

  add(x: WasmBuffer, y: WasmBuffer): void {
    this.kernels.add(this.me, x.ptr, y.ptr, x.length);
  }

  scale(x: WasmBuffer, factor: number): void {
    this.kernels.scale(this.me, x.ptr, factor, x.length);
  }

  crossEntropy(x: WasmBuffer, head: Dense<WasmBuffer>, labels: readonly number[]): RowLosses {
    return this.eachLogits(x, head, labels, 0, () => {});
  }

  crossEntropyBackward(
    dX: WasmBuffer,
    dHead: WasmBuffer | undefined,
    x: WasmBuffer,
    head: Dense<WasmBuffer>,
    labels: readonly number[],
    rowWeights: readonly number[],
  ): RowLosses {
    const { outSize, inSize, values } = head;
    if (this.buffer.byteLength > 0) {
      new Float32Array(this.buffer, this.rows.weights, rowWeights.length).set(rowWeights);
    }
    return this.eachLogits(x, head, labels, this.rows.weights, (logits, rowBytes, first, rows) => {
      const at = 4 * first * inSize;
      const { kernels, me } = this;
      const shape = [rows, inSize, outSize] as const;
      kernels.linearBackwardInput(me, dX.ptr + at, logits.ptr, rowBytes, values.ptr, ...shape, false);
      if (dHead) kernels.linearBackwardWeight(me, dHead.ptr, logits.ptr, rowBytes, x.ptr + at, ...shape);
    });
  }

  /** Losses of all rows, so many rows of logits at a time; where weights are given, `visit` gets their gradient. */
  private eachLogits(
    x: WasmBuffer,
    { outSize, inSize, values }: Dense<WasmBuffer>,
    labels: readonly number[],
    weights: number,
    visit: (logits: WasmBuffer, rowBytes: number, first: number, rows: number) => void,
  ): RowLosses {
    const { kernels, me, rows: places } = this;
    const chunk = Math.min(Math.max(Math.floor(LOGITS_VALUES / outSize), LOSS_ROWS), labels.length);
    const rowBytes = 4 * (outSize + LOGITS_PAD);
    const logits = this.take(chunk * (outSize + LOGITS_PAD));
    this.put(places.labels, labels);
    for (let first = 0; first < labels.length; first += chunk) {
      const rows = Math.min(chunk, labels.length - first);
      const from = x.ptr + 4 * first * inSize;
      kernels.linear(me, logits.ptr, rowBytes, from, values.ptr, 0, rows, inSize, outSize);
      const [label, weight, result] = [places.labels + 4 * first, weights, places.results + 24 * first];
      const weightAt = weight === 0 ? 0 : weight + 4 * first;
      kernels.crossEntropy(me, logits.ptr, rowBytes, label, weightAt, result, rows, outSize);
      visit(logits, rowBytes, first, rows);
    }
    this.free(logits);
    return this.rowLosses(labels.length);
  }

  private rowLosses(rows: number): RowLosses {
    const isRehearsal = this.buffer.byteLength === 0;
    const results = isRehearsal
      ? new Float64Array(3 * rows)
      : new Float64Array(this.buffer, this.rows.results, 3 * rows);
    const column = (n: number) => Float64Array.from({ length: rows }, (_, t) => results[3 * t + n]);
    return { losses: column(0), hits: column(1), entropies: column(2) };
  }

  sumOfSquares({ ptr, length, sums = 0 }: WasmBuffer): number {
    this.kernels.sumOfSquares(this.me, sums, ptr, length);
    if (this.buffer.byteLength === 0) return 0;
    let sum = 0;
    for (const piece of new Float64Array(this.buffer, sums, numPieces(length))) sum += piece;
    return sum;
  }

  adamw(
    weight: WasmBuffer,
    gradient: WasmBuffer,
    firstMoment: WasmBuffer,
    secondMoment: WasmBuffer,
    step: AdamWStep,
  ): void {
    const { gradientScale, learningRate, weightDecay, correction1, correction2, beta1, beta2, eps } = step;
    const buffers = [weight.ptr, gradient.ptr, firstMoment.ptr, secondMoment.ptr, weight.length] as const;
    const decay = [gradientScale, 1 - learningRate * weightDecay] as const;
    const rate = [learningRate / correction1, Math.sqrt(correction2)] as const;
    this.kernels.adamw(this.me, ...buffers, ...decay, ...rate, beta1, beta2, eps);
  }

  /**
   * Writes whole numbers. Every worker writes the same ones, and a pass writes to each place once, so it does not
   * matter who is late.
   */
  private put(ptr: number, values: readonly number[]): void {
    if (this.buffer.byteLength > 0) new Int32Array(this.buffer, ptr, values.length).set(values);
  }

  /** Where the rows of this pass stand. */
  private place(sequences: readonly Sequence[]): void {
    if (this.places === sequences) return;
    this.places = sequences;
    const blocks: number[] = [];
    for (const { begin, count } of sequences) {
      for (let first = 0; first < count; first += QUERY_BLOCK) blocks.push(begin, count, first);
    }
    const positions = sequences.flatMap(({ count }) => Array.from({ length: count }, (_, pos) => pos));
    if (positions.length > this.shape.maxRows) {
      throw new RangeError(`rows: expected at most ${this.shape.maxRows}, got ${positions.length}`);
    }
    this.put(this.rows.positions, positions);
    this.put(this.rows.blocks, blocks);
    this.put(
      this.rows.sequences,
      sequences.flatMap(({ begin, count }) => [begin, count]),
    );
  }

  private setHeads({ numHeads, numKvHeads, headDim }: HeadShape, sequences: readonly Sequence[]): void {
    const { heads, blocks, sequences: places } = this.rows;
    const numBlocks = sequences.reduce((sum, { count }) => sum + Math.ceil(count / QUERY_BLOCK), 0);
    const shape = [numHeads, numKvHeads, headDim] as const;
    this.kernels.setUpHeads(heads, ...shape, blocks, numBlocks, places, sequences.length);
  }
}
