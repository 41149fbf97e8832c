// The WASM engine of the thread that loads: makes handles, packs weights into linear memory, and computes alone as a
// team of one. Workers (team.ts) get the same memory and the same handles, and only the operations (ops.ts).

import { FormatError } from '../base/errors.ts';
import { rotations } from '../base/rotations.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { Engine, Fusible, GateUpWeights, Matrix, QkvWeights } from '../ops.ts';
import { decodeToF64 } from '../quant/decode.ts';
import { Arena } from './arena.ts';
import { JOB_BYTES } from './job.ts';
import { instantiate, type Kernels, kernelsId } from './kernels.ts';
import {
  attentionNeeds,
  CONTROL_BYTES,
  cacheLayout,
  GROUP_ROWS,
  groupBytes,
  LINE,
  MAX_WORKERS,
  matrixBytes,
  NO_NEEDS,
  PACKINGS,
  PAGE,
  panelBytes,
  privateSizes,
  type ScratchNeeds,
  sharedSizes,
} from './layout.ts';
import {
  type Member,
  readMember,
  type WasmKvCache,
  type WasmMatrix,
  WasmOps,
  type WasmRopeTable,
  type WasmVector,
} from './ops.ts';
import { type CacheType, LOGIT_ERROR_BOUND, type Precision } from './options.ts';
import { CACHE, MATRIX, ROPE_TABLE, WORKER } from './records.ts';

/** File bytes that are packed at a time. */
const STAGING_BYTES = 2 ** 20;
/** Polls of a barrier before a worker sleeps, a few milliseconds: see assembly/team.ts. */
const SPIN = 1_000_000;
/** Matrices whose outputs RoPE turns; see `halfHead` in assembly/memory.ts. */
const TURNED = /\.self_attn\.[qk]_proj\.weight$/;
/** Scratch of the packing kernels. */
const PACK_BYTES = 512;

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
  /** Where a team's jobs are written (job.ts). */
  readonly jobPtr: number;
  private readonly headDim: number;
  private readonly arena: Arena;
  /** Where file bytes are packed from; 0 until the first matrix, and once loading has ended. */
  private staging = 0;
  private readonly vectors: number[] = [];
  private readonly caches = new Map<number, { readonly pageBytes: number; readonly pages: number[] }>();
  private needs: ScratchNeeds = NO_NEEDS;
  private isSettled = false;
  private scratch: number[] = [];
  private readonly controls: readonly [number, number]; // of the team of one, and of the workers
  private readonly records: number[] = []; // Worker records: of the team of one, then of each worker
  private solo: Member | undefined;

  constructor({ module, memory, precision, cacheType, headDim, maxRows }: WasmEngineOptions) {
    const kernels: Kernels = instantiate(module, memory);
    super(kernels, memory, () => this.alone(), maxRows);
    this.module = module;
    this.precision = precision;
    this.cacheType = cacheType;
    this.headDim = headDim;
    this.arena = new Arena(memory, kernels.heapBase());
    this.controls = [
      this.arena.allocate(CONTROL_BYTES, 'control'),
      this.arena.allocate(CONTROL_BYTES, 'control'),
    ];
    this.jobPtr = this.arena.allocate(JOB_BYTES, 'control');
    this.records.push(this.arena.allocate(WORKER.bytes, 'control'));
    this.clearControls();
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

  async loadVector(tensor: Tensor): Promise<WasmVector> {
    const length = tensor.shape[0];
    const values = new Float64Array(length);
    decodeToF64(tensor.dtype, await tensor.readRows(0, 1), 0, values, 0, length);
    const ptr = this.arena.allocate(length * 4, 'weights');
    new Float32Array(this.memory.buffer, ptr, length).set(values);
    return { ptr, length };
  }

  async loadMatrix(tensor: Tensor, onBytes?: (bytes: number) => void): Promise<WasmMatrix> {
    const [outSize, inSize] = tensor.shape;
    const { code, packing } = PACKINGS[tensor.dtype];
    if (packing.blockSize > 0 && inSize % packing.blockSize !== 0) {
      throw new FormatError(`expected columns in blocks of ${packing.blockSize}, got ${inSize}`, {
        file: tensor.name,
        field: 'shape',
      });
    }
    const bytesPerGroup = groupBytes(packing, inSize);
    const bytes = matrixBytes(tensor.dtype, outSize, inSize);
    const groups = this.arena.allocate(bytes, 'weights');
    // Rows beyond outSize in the last group stay zero.
    new Uint8Array(this.memory.buffer, groups + bytes - bytesPerGroup, bytesPerGroup).fill(0);
    const isTurned = this.headDim % 16 === 0 && TURNED.test(tensor.name);
    const halfHead = isTurned ? this.headDim / 16 : 0;
    const record = this.arena.allocate(MATRIX.bytes, 'weights');
    const { kind, blockSize } = packing;
    const sizes = { outSize, inSize, groupBytes: bytesPerGroup };
    MATRIX.write(this.memory, record, { kind, blockSize, groups, halfHead, ...sizes });
    const rowBytes = (tensor.dtype === 'F64' ? 0.5 : 1) * (tensor.byteLength / outSize);
    const pieceRows = Math.floor((STAGING_BYTES - PACK_BYTES) / rowBytes);
    if (pieceRows < 1)
      throw new RangeError(`${tensor.name}: expected rows of at most 1 MB, got ${rowBytes} bytes`);
    this.staging ||= this.arena.allocate(STAGING_BYTES, 'staging');
    for (let row = 0; row < outSize; row += pieceRows) {
      const count = Math.min(pieceRows, outSize - row);
      const piece = await tensor.readRows(row, row + count);
      const stored = tensor.dtype === 'F64' ? narrowed(piece) : piece;
      new Uint8Array(this.memory.buffer, this.staging, stored.length).set(stored);
      const scratch = this.staging + STAGING_BYTES - PACK_BYTES;
      this.kernels.pack(code, record, row, count, this.staging, rowBytes, scratch);
      onBytes?.(piece.length);
    }
    this.need({ ...this.needs, inSize: Math.max(this.needs.inSize, inSize) });
    return { ptr: record, outSize, inSize, form: packing.form };
  }

  weightBytes(weight: WasmVector | WasmMatrix): readonly Uint8Array[] {
    const view = (ptr: number, length: number) => new Uint8Array(this.memory.buffer, ptr, length);
    if (!('outSize' in weight)) return [view(weight.ptr, weight.length * 4)];
    const record = view(weight.ptr, MATRIX.bytes).slice();
    const { groups, groupBytes } = MATRIX.read(this.memory, weight.ptr);
    record.fill(0, MATRIX.offsets.groups, MATRIX.offsets.groups + 4); // an address, which is not the same everywhere
    return [record, view(groups, Math.ceil(weight.outSize / GROUP_ROWS) * groupBytes)];
  }

  /** Gives the room of loading to what comes after: activations and scratch. */
  endLoading(): void {
    if (this.staging) this.arena.release(this.staging);
    this.staging = 0;
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
    const { numHeads, numKvHeads, headDim } = config;
    const layout = cacheLayout(config, this.cacheType);
    const maxPages = Math.ceil(maxSeqLen / PAGE);
    const ptr = this.arena.allocate(CACHE.bytes + maxPages * 4, 'cache');
    const { pageBytes, ...offsets } = layout;
    const heads = { numHeads, numKvHeads, headDim };
    const pages = ptr + CACHE.bytes;
    CACHE.write(this.memory, ptr, { ...offsets, ...heads, maxParts: maxPages, pages });
    this.caches.set(ptr, { pageBytes, pages: [] });
    const wanted = attentionNeeds(config, maxSeqLen);
    this.need({
      inSize: Math.max(this.needs.inSize, config.hiddenSize, config.intermediateSize),
      attentionBytes: Math.max(this.needs.attentionBytes, wanted.attentionBytes),
      partsBytes: Math.max(this.needs.partsBytes, wanted.partsBytes),
    });
    return { ptr, length: 0, maxSeqLen, headDim, numHeads, numKvHeads };
  }

  /** Adds pages until positions [0, numPositions) have room. */
  reserve(cache: WasmKvCache, numPositions: number): void {
    const { pages, pageBytes } = this.pagesOf(cache);
    while (pages.length * PAGE < numPositions) {
      const page = this.arena.allocate(pageBytes, 'cache');
      new Uint32Array(this.memory.buffer, cache.ptr + CACHE.bytes + 4 * pages.length, 1)[0] = page;
      pages.push(page);
    }
  }

  freeCache(cache: WasmKvCache): void {
    for (const page of this.pagesOf(cache).pages) this.arena.release(page);
    this.caches.delete(cache.ptr);
    this.arena.release(cache.ptr);
  }

  /** Whole pages, in order; what lies behind the last position is whatever was there. */
  exportCache(cache: WasmKvCache): Uint8Array {
    const { pages, pageBytes } = this.pagesOf(cache);
    const used = pages.slice(0, Math.ceil(cache.length / PAGE));
    const bytes = new Uint8Array(used.length * pageBytes);
    for (const [n, page] of used.entries()) {
      bytes.set(new Uint8Array(this.memory.buffer, page, pageBytes), n * pageBytes);
    }
    return bytes;
  }

  importCache(cache: WasmKvCache, length: number, bytes: Uint8Array): void {
    this.reserve(cache, length);
    const { pages, pageBytes } = this.pagesOf(cache);
    for (let n = 0; n * PAGE < length; n++) {
      const page = new Uint8Array(this.memory.buffer, pages[n], pageBytes);
      page.set(bytes.subarray(n * pageBytes, (n + 1) * pageBytes));
    }
    cache.length = length;
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

  readNow(x: WasmVector): Float32Array {
    return new Float32Array(this.memory.buffer, x.ptr, x.length).slice();
  }

  write(x: WasmVector, values: ArrayLike<number>): void {
    new Float32Array(this.memory.buffer, x.ptr, x.length).set(values);
  }

  /** Bytes in use, by name. */
  usage(): Map<string, number> {
    return this.arena.usage();
  }

  /**
   * Makes scratch and records for a team of workers. Call it before every pass: it does nothing unless something was
   * loaded that needs more. Records never move; scratch may.
   *
   * @returns address of each worker's record
   */
  prepareTeam(numWorkers: number): readonly number[] {
    while (this.records.length < numWorkers + 1) {
      this.records.push(this.arena.allocate(WORKER.bytes, 'control'));
      this.isSettled = false;
    }
    if (!this.isSettled) this.settle();
    return this.records.slice(1, numWorkers + 1);
  }

  /** Opens the shares of all workers in the present phase of their kernels, and tells its number; between passes. */
  openPhase(): number {
    const control = new Int32Array(this.memory.buffer, this.controls[1], CONTROL_BYTES / 4);
    const line = LINE / 4;
    const phase = control[line];
    for (let w = 0; w < MAX_WORKERS; w++) control.set([0, phase], (3 + w) * line);
    return phase;
  }

  /** Forgets whom the workers waited for: after a team was stopped in the middle of a call. */
  clearControls(): void {
    for (const control of this.controls)
      new Int32Array(this.memory.buffer, control, CONTROL_BYTES / 4).fill(0);
  }

  private alone(): Member {
    if (!this.isSettled || !this.solo) this.settle();
    return this.solo as Member;
  }

  private need(needs: ScratchNeeds): void {
    const grew = (Object.keys(needs) as (keyof ScratchNeeds)[]).some((key) => needs[key] > this.needs[key]);
    if (!grew) return;
    this.needs = needs;
    this.isSettled = false;
  }

  /** Allocates scratch by what is needed and writes every record. */
  private settle(): void {
    for (const ptr of this.scratch.splice(0)) this.arena.release(ptr);
    const block = (bytes: number) => {
      const ptr = this.arena.allocate(bytes, 'scratch');
      this.scratch.push(ptr);
      return ptr;
    };
    const shared = mapValues(sharedSizes(this.needs, this.maxRows), block);
    const numWorkers = this.records.length - 1;
    const precise = this.precision === 'precise' ? 1 : 0;
    const panel = panelBytes(this.needs);
    // The team of one computes only while the workers rest, so it may use the scratch of the first.
    const first = mapValues(privateSizes(this.needs), block);
    for (const [index, record] of this.records.entries()) {
      const isSolo = index === 0;
      const own = index <= 1 ? first : mapValues(privateSizes(this.needs), block);
      const team = isSolo ? { numWorkers: 1, index: 0 } : { numWorkers, index: index - 1 };
      WORKER.write(this.memory, record, {
        ...team,
        control: this.controls[isSolo ? 0 : 1],
        spin: SPIN,
        precise,
        ...own,
        panelBytes: panel,
        sharedInts: shared.ints,
        sharedScales: shared.scales,
        sharedNormed: shared.normed,
        sharedParts: shared.parts,
        sharedRows: 0,
        phase: 0,
        held: 0,
        done: 0,
      });
    }
    this.forgetPlaces();
    this.solo = readMember(this.memory, this.records[0]);
    this.isSettled = true;
  }

  private pagesOf(cache: WasmKvCache) {
    const entry = this.caches.get(cache.ptr);
    if (!entry) throw new RangeError('cache: expected a cache in use, got one that was freed');
    return entry;
  }
}

/** float64 file bytes as float32. */
function narrowed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float32Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
  return new Uint8Array(values.buffer);
}

function mapValues<K extends string>(
  sizes: Record<K, number>,
  map: (bytes: number) => number,
): Record<K, number> {
  const entries = Object.entries<number>(sizes).map(([name, bytes]) => [name, map(bytes)]);
  return Object.fromEntries(entries) as Record<K, number>;
}
