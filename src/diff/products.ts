// Products with weight rows by the WASM kernel (assembly/products.ts): float64 like plainRows, several times as fast.

import type { Products } from './bounds.ts';

/** The functions of dist/wasm/products.wasm; every pointer is a byte address. */
interface ProductKernels {
  heapBase(): number;
  widen(out: number, x: number, length: number): void;
  oneRow(out: number, x: number, weight: number, inSize: number, numOutputs: number): void;
  fourRows(out: number, x: number, weight: number, inSize: number, numOutputs: number): void;
}

/** Up to so many rows go one by one: unpacking the weights to float64 would take longer. */
const FEW_ROWS = 3;

/**
 * Products of one thread. The result is a view of the kernel's memory: good until the next call.
 *
 * @param module dist/wasm/products.wasm, compiled
 */
export function kernelProducts(module: WebAssembly.Module): Products {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = instance.exports as unknown as ProductKernels;
  const base = (kernels.heapBase() + 15) & ~15;
  return (x, { weight, inSize }) => {
    const [numRows, numOutputs] = [x.length / inSize, weight.length / inSize];
    if (numOutputs % 4 !== 0 || inSize % 2 !== 0) return undefined;
    const isNarrow = weight instanceof Float32Array;
    const inFours = isNarrow && numRows <= FEW_ROWS ? 0 : Math.ceil(numRows / 4);
    const paddedRows = Math.max(numRows, 4 * inFours);
    const wide = base + (isNarrow ? 4 * weight.length : 0);
    const input = wide + (inFours > 0 ? 8 * weight.length : 0);
    const output = input + 8 * paddedRows * inSize;
    const end = output + 8 * paddedRows * numOutputs;
    if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65536));
    const inputs = new Float64Array(memory.buffer, input, paddedRows * inSize);
    inputs.set(x);
    inputs.fill(0, x.length);
    if (isNarrow) new Float32Array(memory.buffer, base, weight.length).set(weight);
    else new Float64Array(memory.buffer, wide, weight.length).set(weight);
    if (inFours === 0) {
      for (let t = 0; t < numRows; t++)
        kernels.oneRow(output + 8 * t * numOutputs, input + 8 * t * inSize, base, inSize, numOutputs);
    } else {
      if (isNarrow) kernels.widen(wide, base, weight.length);
      for (let n = 0; n < inFours; n++)
        kernels.fourRows(output + 32 * n * numOutputs, input + 32 * n * inSize, wide, inSize, numOutputs);
    }
    return new Float64Array(memory.buffer, output, numRows * numOutputs);
  };
}
