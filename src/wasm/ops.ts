// The operations of src/ops.ts as calls of kernels: each method turns handles into addresses, cuts long runs of rows
// to what a kernel takes, and calls. Every worker of a team has one; handles are plain objects that mean the same in
// all of them.

import type {
  AttentionPlace,
  FusedOps,
  GateUpWeights,
  KvCache,
  Matrix,
  Ops,
  QkvWeights,
  RopeTable,
  Sequence,
  Vector,
} from '../ops.ts';
import type { Kernels } from './kernels.ts';
import { MAX_ROWS } from './layout.ts';
import { WORKER } from './records.ts';

/** [length] f32 at ptr. */
export interface WasmVector extends Vector {
  readonly ptr: number;
}

/** Packed rows; ptr is a Matrix record. */
export interface WasmMatrix extends Matrix {
  readonly ptr: number;
  /** Matrices that agree in it share their prepared activations. */
  readonly form: number;
}

export interface WasmRopeTable extends RopeTable {
  readonly ptr: number;
}

/** ptr is a Cache record. */
export interface WasmKvCache extends KvCache {
  readonly ptr: number;
  readonly headDim: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
}

/** Addresses that belong to one member of a team, as its Worker record has them. */
export interface Member {
  /** The Worker record. */
  readonly me: number;
  /** [MAX_ROWS] of { pos i32, cache u32 }. */
  readonly places: number;
  /** [MAX_ROWS] i32. */
  readonly ids: number;
}

export function readMember(memory: WebAssembly.Memory, me: number): Member {
  const { places, ids } = WORKER.read(memory, me);
  return { me, places, ids };
}

/** Enters a pass: `numWorkers` take part, and their kernels are in phase `phase` (assembly/team.ts). */
export function beginPass(memory: WebAssembly.Memory, me: number, numWorkers: number, phase: number): void {
  WORKER.write(memory, me, { numWorkers, phase, held: 0, done: 0 });
}

export class WasmOps implements Ops {
  readonly fused: FusedOps = {
    attentionInput: (q, x, norm, eps, weights, at) => this.attentionInput(q, x, norm, eps, weights, at),
    mlpInput: (out, x, norm, eps, weights) => this.mlpInput(out, x, norm, eps, weights),
    linearAdd: (x, y, weight) => this.linearAdd(x, y, weight),
  };
  protected readonly kernels: Kernels;
  protected readonly memory: WebAssembly.Memory;
  protected readonly maxRows: number;
  private readonly memberOf: () => Member;
  /** What `places` holds: the layers of a pass all ask for the same. */
  private placed: { member: Member; sequences: readonly Sequence[]; first: number; rows: number } | undefined;

  /**
   * @param member  where this thread's records are; asked at each call, since scratch may move between passes
   * @param maxRows rows of one call of a kernel, for which the shared scratch was made
   */
  constructor(kernels: Kernels, memory: WebAssembly.Memory, member: () => Member, maxRows = MAX_ROWS) {
    this.kernels = kernels;
    this.memory = memory;
    this.memberOf = member;
    this.maxRows = maxRows;
  }

  view(x: WasmVector, begin: number, end: number): WasmVector {
    return { ptr: x.ptr + 4 * begin, length: end - begin };
  }

  begin(): void {
    this.placed = undefined;
    WORKER.write(this.memory, this.memberOf().me, { held: 0, done: 0 });
  }

  embed(out: WasmVector, table: WasmMatrix, ids: readonly number[]): void {
    const member = this.memberOf();
    this.eachRun(ids.length, (row, rows) => {
      new Int32Array(this.memory.buffer, member.ids, rows).set(ids.slice(row, row + rows));
      this.kernels.embed(member.me, out.ptr + 4 * row * table.inSize, table.ptr, member.ids, rows);
    });
  }

  rmsNorm(out: WasmVector, x: WasmVector, weight: WasmVector, eps: number): void {
    const size = weight.length;
    this.kernels.rmsNorm(this.memberOf().me, out.ptr, x.ptr, weight.ptr, x.length / size, size, eps);
  }

  linear(out: WasmVector, x: WasmVector, weight: WasmMatrix, bias?: WasmVector): void {
    const { me } = this.memberOf();
    const { inSize, outSize } = weight;
    this.eachRun(x.length / inSize, (row, rows) => {
      const to = out.ptr + 4 * row * outSize;
      this.kernels.linear(me, to, x.ptr + 4 * row * inSize, rows, weight.ptr, bias?.ptr ?? 0);
    });
  }

  rope(x: WasmVector, table: WasmRopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    const { me } = this.memberOf();
    const rowSize = x.length / numRows(sequences);
    this.eachRun(numRows(sequences), (row, rows) => {
      this.place(sequences, row, rows);
      this.kernels.rope(me, x.ptr + 4 * row * rowSize, table.ptr, numHeads, rows);
    });
  }

  remember(k: WasmVector, v: WasmVector, layer: number, sequences: readonly Sequence[]): void {
    const { me } = this.memberOf();
    const rowBytes = (4 * k.length) / numRows(sequences);
    this.eachRun(numRows(sequences), (row, rows) => {
      this.place(sequences, row, rows);
      this.kernels.remember(me, k.ptr + row * rowBytes, v.ptr + row * rowBytes, layer, rows);
    });
  }

  attend(
    out: WasmVector,
    q: WasmVector,
    layer: number,
    sequences: readonly Sequence[],
    probs?: WasmVector,
  ): void {
    const { me } = this.memberOf();
    const total = numRows(sequences);
    const rowBytes = (4 * q.length) / total;
    let numPositions = 0;
    if (probs) {
      numPositions = sequences[0].startPos + total;
      new Float32Array(this.memory.buffer, probs.ptr, probs.length).fill(0);
    }
    this.eachRun(total, (row, rows) => {
      this.place(sequences, row, rows);
      const weights = probs ? probs.ptr + 4 * row * numPositions : 0;
      const at = row * rowBytes;
      this.kernels.attend(me, out.ptr + at, q.ptr + at, layer, rows, weights, total, numPositions);
    });
  }

  swiglu(out: WasmVector, gate: WasmVector, up: WasmVector): void {
    this.kernels.swiglu(this.memberOf().me, out.ptr, gate.ptr, up.ptr, gate.length);
  }

  add(x: WasmVector, y: WasmVector): void {
    this.kernels.add(this.memberOf().me, x.ptr, y.ptr, x.length);
  }

  private linearAdd(x: Vector, y: Vector, weight: Matrix): void {
    const { me } = this.memberOf();
    const { inSize, outSize, ptr } = weight as WasmMatrix;
    this.eachRun(y.length / inSize, (row, rows) => {
      const to = (x as WasmVector).ptr + 4 * row * outSize;
      this.kernels.linearAdd(me, to, (y as WasmVector).ptr + 4 * row * inSize, rows, ptr);
    });
  }

  private mlpInput(out: Vector, x: Vector, norm: Vector, eps: number, weights: GateUpWeights): void {
    const { me } = this.memberOf();
    const gate = weights.gateProj as WasmMatrix;
    const up = weights.upProj as WasmMatrix;
    const { ptr: normPtr } = norm as WasmVector;
    this.eachRun(x.length / gate.inSize, (row, rows) => {
      const from = (x as WasmVector).ptr + 4 * row * gate.inSize;
      const to = (out as WasmVector).ptr + 4 * row * gate.outSize;
      this.kernels.mlpInput(me, to, from, rows, normPtr, eps, gate.ptr, up.ptr);
    });
  }

  private attentionInput(
    q: Vector,
    x: Vector,
    norm: Vector,
    eps: number,
    weights: QkvWeights,
    at: AttentionPlace,
  ): void {
    const { me } = this.memberOf();
    const [qProj, kProj, vProj] = [weights.qProj, weights.kProj, weights.vProj] as WasmMatrix[];
    const [qBias, kBias, vBias] = [weights.qBias, weights.kBias, weights.vBias].map(
      (bias) => (bias as WasmVector | undefined)?.ptr ?? 0,
    );
    const { headDim } = at.sequences[0].cache as WasmKvCache;
    const { ptr: normPtr } = norm as WasmVector;
    const { ptr: ropePtr } = at.rope as WasmRopeTable;
    this.eachRun(numRows(at.sequences), (row, rows) => {
      this.place(at.sequences, row, rows);
      const from = (x as WasmVector).ptr + 4 * row * qProj.inSize;
      const to = (q as WasmVector).ptr + 4 * row * qProj.outSize;
      this.kernels.attentionInput(
        ...([me, to, from, rows, normPtr, eps, qProj.ptr, kProj.ptr, vProj.ptr] as const),
        ...([qBias, kBias, vBias, at.layer, ropePtr, headDim] as const),
      );
    });
  }

  /** Runs of at most `maxRows` rows: first row and number of rows of each. */
  private eachRun(total: number, run: (row: number, rows: number) => void): void {
    for (let row = 0; row < total; row += this.maxRows) run(row, Math.min(this.maxRows, total - row));
  }

  /** Writes where rows [first, first + rows) of a pass stand to this thread's places. */
  private place(sequences: readonly Sequence[], first: number, rows: number): void {
    const placed = this.placed;
    const member = this.memberOf(); // another one when scratch has moved
    const isSame = placed?.member === member && placed.sequences === sequences;
    if (isSame && placed.first === first && placed.rows === rows) return;
    this.placed = { member, sequences, first, rows };
    const places = new Int32Array(this.memory.buffer, member.places, 2 * rows);
    for (const { begin, count, startPos, cache } of sequences) {
      const from = Math.max(begin, first);
      const to = Math.min(begin + count, first + rows);
      for (let row = from; row < to; row++) {
        places[2 * (row - first)] = startPos + row - begin;
        places[2 * (row - first) + 1] = (cache as WasmKvCache).ptr;
      }
    }
  }
}

function numRows(sequences: readonly Sequence[]): number {
  let sum = 0;
  for (const { count } of sequences) sum += count;
  return sum;
}
