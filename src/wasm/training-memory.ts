// Where everything lives in the linear memory of a training run. Addresses follow from shapes and from the order of
// requests only, so every worker of a team, doing the same, finds the same addresses without asking.
//
//     0        constants of the kernels                  up to START
//     control  phases and claims of the team
//     members  per worker: record, packed panel, tile, scores of attention
//     rows     ids, labels, weights, positions, places of sequences, losses of the rows of a pass
//     kept     parameters, gradients, moments, rotations: `keep`
//     taken    activations and their gradients: `take` and `free`, all taken back at the end of a pass

import { align } from './layout.ts';

/** First address after the constants of the kernels; they take less than a kilobyte. */
export const START = 4096;

/** What a run is made for. */
export interface TrainingShape {
  readonly numWorkers: number;
  /** Most rows of a pass, and longest sequence. */
  readonly maxRows: number;
  readonly maxSeqLen: number;
  /** Whether V8 joins vectors of 128 bits to 256: decides which tile is faster, and no bit. */
  readonly isWide?: boolean;
}

/** A run of float32 values. */
export interface WasmBuffer {
  readonly ptr: number;
  readonly length: number;
  /** Where the sums of squares of its pieces go, in buffers that are kept. */
  readonly sums?: number;
}

/** Values that have one sum of squares (assembly/training/adamw.ts). */
const PIECE = 4096;

export class TrainingMemory {
  /** Most bytes that were in use so far. */
  peak: number;
  private end: number;
  private isSealed = false;
  private taken: number;
  private readonly idle = new Map<number, number[]>(); // addresses by number of values

  constructor(begin: number) {
    this.end = align(begin);
    this.taken = this.end;
    this.peak = this.end;
  }

  /** Bytes for good, before the first `take`. */
  reserve(bytes: number): number {
    if (this.isSealed) throw new RangeError('memory: expected to reserve before the first pass');
    const ptr = this.end;
    this.end = align(ptr + bytes);
    this.taken = this.end;
    this.peak = this.end;
    return ptr;
  }

  keep(length: number): WasmBuffer {
    const sums = this.reserve(8 * Math.ceil(length / PIECE));
    return { ptr: this.reserve(4 * length), length, sums };
  }

  take(length: number): WasmBuffer {
    this.isSealed = true;
    const known = this.idle.get(length)?.pop();
    if (known !== undefined) return { ptr: known, length };
    const ptr = this.taken;
    this.taken = align(ptr + 4 * length);
    this.peak = Math.max(this.peak, this.taken);
    return { ptr, length };
  }

  free({ ptr, length }: WasmBuffer): void {
    const list = this.idle.get(length);
    if (list) list.push(ptr);
    else this.idle.set(length, [ptr]);
  }

  /** Everything taken is free again. */
  endPass(): void {
    this.taken = this.end;
    this.idle.clear();
  }
}

/** Number of pieces of a buffer that has sums. */
export function numPieces(length: number): number {
  return Math.ceil(length / PIECE);
}
