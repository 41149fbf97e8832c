// The WASM engine of the thread that loads. It holds the arena of linear memory, the packer of weights, the pages of
// caches and the scratch of kernels, and computes alone as a team of one. Workers (team.ts) get the same memory and
// the same handles, and only the operations (ops.ts).

import { rotations } from '../base/rotations.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { Engine, Fusible, GateUpWeights, Matrix, QkvWeights } from '../ops.ts';
import { Arena } from './arena.ts';
import { CachePages } from './cache-pages.ts';
import { instantiate, kernelsId } from './kernels.ts';
import { attentionNeeds, MAX_ROWS } from './layout.ts';
import { type WasmKvCache, type WasmMatrix, WasmOps, type WasmRopeTable, type WasmVector } from './ops.ts';
import { type CacheType, LOGIT_ERROR_BOUND, type Precision } from './options.ts';
import { ROPE_TABLE } from './records.ts';
import { Scratch } from './scratch.ts';
import { WeightPacker } from './weight-packer.ts';

export interface WasmEngineOptions {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly precision: Precision;
  readonly cacheType: CacheType;
  /** Of the model that will be loaded. */
  readonly headDim: number;
  /** Rows of one pass, for which scratch is made (128); longer ones are cut. */
  readonly maxRows?: number;
}

export class WasmEngine extends WasmOps implements Engine {
  readonly name = 'wasm';
  readonly precision: Precision;
  readonly cacheType: CacheType;
  readonly module: WebAssembly.Module;
  /** Scratch and records, of this thread and of a team. */
  readonly scratch: Scratch;
  private readonly headDim: number;
  private readonly arena: Arena;
  private readonly packer: WeightPacker;
  private readonly pages: CachePages;
  private readonly vectors: number[] = [];

  constructor({ module, memory, precision, cacheType, headDim, maxRows = MAX_ROWS }: WasmEngineOptions) {
    const kernels = instantiate(module, memory);
    const arena = new Arena(memory, kernels.heapBase());
    const scratch = new Scratch(arena, precision, maxRows);
    super(kernels, memory, () => scratch.alone(), maxRows);
    this.module = module;
    this.precision = precision;
    this.cacheType = cacheType;
    this.headDim = headDim;
    this.arena = arena;
    this.scratch = scratch;
    this.packer = new WeightPacker(arena, kernels, headDim);
    this.pages = new CachePages(arena, cacheType);
  }

  get linearMemory(): WebAssembly.Memory {
    return this.memory;
  }

  get logitErrorBound(): number {
    return LOGIT_ERROR_BOUND[this.precision];
  }

  get arithmetic(): string {
    return `wasm ${kernelsId(this.module)} ${this.precision} ${this.cacheType}`;
  }

  /** Fused kernels share prepared activations, and write keys and values 8 at a time. */
  fusible({ qProj, kProj, vProj }: QkvWeights, { gateProj, upProj }: GateUpWeights): Fusible {
    const isOneForm = (...weights: Matrix[]) =>
      new Set(weights.map((weight) => (weight as WasmMatrix).form)).size === 1;
    // Not so where a head shares a scale.
    const takesPieces = this.cacheType !== 'q8' && this.headDim % 16 === 0;
    return { attention: takesPieces && isOneForm(qProj, kProj, vProj), mlp: isOneForm(gateProj, upProj) };
  }

  vector(length: number): WasmVector {
    const ptr = this.arena.allocate(length * 4, 'activations');
    this.vectors.push(ptr);
    new Float32Array(this.memory.buffer, ptr, length).fill(0);
    return { ptr, length };
  }

  loadVector(tensor: Tensor): Promise<WasmVector> {
    return this.packer.loadVector(tensor);
  }

  loadMatrix(tensor: Tensor, onBytes?: (bytes: number) => void): Promise<WasmMatrix> {
    this.scratch.need({ inSize: tensor.shape[1] });
    return this.packer.loadMatrix(tensor, onBytes);
  }

  weightBytes(weight: WasmVector | WasmMatrix): readonly Uint8Array[] {
    return this.packer.bytesOf(weight);
  }

  /** Gives the room of loading to what comes after: activations and scratch. */
  endLoading(): void {
    this.packer.endLoading();
  }

  ropeTable(config: ModelConfig, maxSeqLen: number): WasmRopeTable {
    const halfDim = config.headDim / 2;
    const { cos, sin } = rotations(config, maxSeqLen);
    const rows = this.arena.allocate(maxSeqLen * halfDim * 8, 'rotations');
    const table = new Float32Array(this.memory.buffer, rows, maxSeqLen * halfDim * 2);
    for (let pos = 0; pos < maxSeqLen; pos++) {
      table.set(cos.subarray(pos * halfDim, (pos + 1) * halfDim), 2 * pos * halfDim);
      table.set(sin.subarray(pos * halfDim, (pos + 1) * halfDim), (2 * pos + 1) * halfDim);
    }
    const record = this.arena.allocate(ROPE_TABLE.bytes, 'rotations');
    ROPE_TABLE.write(this.memory, record, { halfDim, rows });
    return { ptr: record, maxSeqLen };
  }

  kvCache(config: ModelConfig, maxSeqLen: number): WasmKvCache {
    const inSize = Math.max(config.hiddenSize, config.intermediateSize);
    this.scratch.need({ inSize, ...attentionNeeds(config, maxSeqLen) });
    return this.pages.open(config, maxSeqLen);
  }

  reserve(cache: WasmKvCache, numPositions: number): void {
    this.pages.reserve(cache, numPositions);
  }

  shareCache(from: WasmKvCache, to: WasmKvCache, length: number): void {
    this.pages.share(from, to, length);
  }

  cacheBytes(caches: Iterable<WasmKvCache>): number {
    return this.pages.bytesOf(caches);
  }

  freeCache(cache: WasmKvCache): void {
    this.pages.free(cache);
  }

  exportCache(cache: WasmKvCache): Uint8Array {
    return this.pages.export(cache);
  }

  importCache(cache: WasmKvCache, length: number, bytes: Uint8Array): void {
    this.pages.import(cache, length, bytes);
  }

  mark(): number {
    return this.vectors.length;
  }

  release(mark: number): void {
    for (const ptr of this.vectors.splice(mark)) this.arena.release(ptr);
  }

  async read(x: WasmVector): Promise<Float32Array> {
    return this.readNow(x);
  }

  readNow(x: WasmVector, into = new Float32Array(x.length)): Float32Array {
    into.set(new Float32Array(this.memory.buffer, x.ptr, x.length));
    return into;
  }

  write(x: WasmVector, values: ArrayLike<number>): void {
    new Float32Array(this.memory.buffer, x.ptr, x.length).set(values);
  }

  /** Bytes in use, by name. */
  usage(): Map<string, number> {
    return this.arena.usage();
  }
}
