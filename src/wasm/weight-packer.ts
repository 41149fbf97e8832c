// Weights of a file into linear memory: vectors as float32, matrices packed by the kernels of assembly/pack.ts, a piece
// of the file at a time.

import { FormatError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { decodeToF64 } from '../quant/decode.ts';
import type { Arena } from './arena.ts';
import type { Kernels } from './kernels.ts';
import { GROUP_ROWS, groupBytes, matrixBytes, PACKINGS } from './layout.ts';
import type { WasmMatrix, WasmVector } from './ops.ts';
import { MATRIX } from './records.ts';

/** File bytes that are packed at a time. */
const STAGING_BYTES = 2 ** 20;
/** Scratch of the packing kernels, at the end of the staging block. */
const PACK_BYTES = 512;
/** Matrices whose outputs RoPE turns; see `halfHead` in assembly/memory.ts. */
const TURNED = /\.self_attn\.[qk]_proj\.weight$/;

export class WeightPacker {
  private readonly arena: Arena;
  private readonly kernels: Kernels;
  private readonly headDim: number;
  /** Where file bytes are packed from; 0 until the first matrix, and once loading has ended. */
  private staging = 0;

  /** @param headDim of the model that will be loaded */
  constructor(arena: Arena, kernels: Kernels, headDim: number) {
    this.arena = arena;
    this.kernels = kernels;
    this.headDim = headDim;
  }

  async loadVector(tensor: Tensor): Promise<WasmVector> {
    const length = tensor.shape[0];
    const values = new Float64Array(length);
    decodeToF64(tensor.dtype, await tensor.readRows(0, 1), 0, values, 0, length);
    const ptr = this.arena.allocate(length * 4, 'weights');
    new Float32Array(this.arena.memory.buffer, ptr, length).set(values);
    return { ptr, length };
  }

  async loadMatrix(tensor: Tensor, onBytes?: (bytes: number) => void): Promise<WasmMatrix> {
    const [outSize, inSize] = tensor.shape;
    const rowBytes = (tensor.dtype === 'F64' ? 0.5 : 1) * (tensor.byteLength / outSize);
    const pieceRows = Math.floor((STAGING_BYTES - PACK_BYTES) / rowBytes);
    if (pieceRows < 1)
      throw new RangeError(`${tensor.name}: expected rows of at most 1 MB, got ${rowBytes} bytes`);
    const matrix = this.emptyMatrix(tensor);
    this.staging ||= this.arena.allocate(STAGING_BYTES, 'staging');
    const scratch = this.staging + STAGING_BYTES - PACK_BYTES;
    for (let row = 0; row < outSize; row += pieceRows) {
      const count = Math.min(pieceRows, outSize - row);
      const piece = await tensor.readRows(row, row + count);
      const stored = tensor.dtype === 'F64' ? narrowed(piece) : piece;
      new Uint8Array(this.arena.memory.buffer, this.staging, stored.length).set(stored);
      const { code } = PACKINGS[tensor.dtype];
      this.kernels.pack(code, matrix.ptr, row, count, this.staging, rowBytes, scratch);
      onBytes?.(piece.length);
    }
    return { ...matrix, outSize, inSize };
  }

  /** A weight as it is packed, the same on every machine; views of linear memory. */
  bytesOf(weight: WasmVector | WasmMatrix): readonly Uint8Array[] {
    const { memory } = this.arena;
    const view = (ptr: number, length: number) => new Uint8Array(memory.buffer, ptr, length);
    if (!('outSize' in weight)) return [view(weight.ptr, weight.length * 4)];
    const record = view(weight.ptr, MATRIX.bytes).slice();
    const { groups, groupBytes } = MATRIX.read(memory, weight.ptr);
    record.fill(0, MATRIX.offsets.groups, MATRIX.offsets.groups + 4); // an address, which is not the same everywhere
    return [record, view(groups, Math.ceil(weight.outSize / GROUP_ROWS) * groupBytes)];
  }

  /** Gives the staging block back, for activations and scratch. */
  endLoading(): void {
    if (this.staging) this.arena.release(this.staging);
    this.staging = 0;
  }

  /** Room for the rows of `tensor`, and the record that describes them. */
  private emptyMatrix({ name, dtype, shape: [outSize, inSize] }: Tensor) {
    const { memory } = this.arena;
    const { packing } = PACKINGS[dtype];
    const { kind, blockSize, form } = packing;
    if (blockSize > 0 && inSize % blockSize !== 0) {
      throw new FormatError(`expected columns in blocks of ${blockSize}, got ${inSize}`, {
        file: name,
        field: 'shape',
      });
    }
    const bytesPerGroup = groupBytes(packing, inSize);
    const bytes = matrixBytes(dtype, outSize, inSize);
    const groups = this.arena.allocate(bytes, 'weights');
    // Rows beyond outSize in the last group stay zero.
    new Uint8Array(memory.buffer, groups + bytes - bytesPerGroup, bytesPerGroup).fill(0);
    const isTurned = this.headDim % 16 === 0 && TURNED.test(name);
    const halfHead = isTurned ? this.headDim / 16 : 0;
    const ptr = this.arena.allocate(MATRIX.bytes, 'weights');
    const sizes = { outSize, inSize, groupBytes: bytesPerGroup };
    MATRIX.write(memory, ptr, { kind, blockSize, groups, halfHead, ...sizes });
    return { ptr, form };
  }
}

/** float64 file bytes as float32. */
function narrowed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float32Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
  return new Uint8Array(values.buffer);
}
