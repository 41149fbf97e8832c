import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import { type Estimate, type Floats, linearRows } from '../../src/diff/bounds.ts';
import { arithmeticOf } from '../../src/diff/precision.ts';
import { kernelProducts } from '../../src/diff/products.ts';
import { wasmModule } from '../../src/node/platform.ts';

const products = kernelProducts(await wasmModule('products'));
const rng = Rng.fromSeed(1);
const numbers = (length: number) => Float64Array.from({ length }, () => rng.next() - 0.5);

/** x [numRows, inSize] · weightᵀ in a wider output, from its third column on. */
function product(x: Float64Array, weight: Floats, inSize: number, isFast: boolean): Float64Array {
  const [numRows, numOutputs] = [x.length / inSize, weight.length / inSize];
  const outSize = numOutputs + 5;
  const out: Estimate = { values: new Float64Array(numRows * outSize) };
  const bias = numbers(outSize).fill(0.25);
  const rows = { weight, bias, begin: 3, inSize, outSize, products: isFast ? products : undefined };
  linearRows(out, { values: x }, rows, arithmeticOf('f64'));
  return out.values;
}

/** The kernel's order of sums: even and odd terms by themselves, and the two added. */
function inLanes(x: Float64Array, weight: Floats, inSize: number): Float64Array {
  const [numRows, numOutputs] = [x.length / inSize, weight.length / inSize];
  const out = new Float64Array(numRows * numOutputs);
  for (let at = 0; at < out.length; at++) {
    const [t, o] = [Math.floor(at / numOutputs), at % numOutputs];
    const sums = [0, 0];
    for (let i = 0; i < inSize; i++) sums[i % 2] += x[t * inSize + i] * weight[o * inSize + i];
    out[at] = sums[0] + sums[1];
  }
  return out;
}

describe('products of the kernel', () => {
  it.each([1, 2, 3, 4, 5, 9, 16])('are those of the plain loops, for %d rows', (numRows) => {
    // Larger and smaller shapes in turns: what lies in the kernel's memory is another call's.
    for (const [numOutputs, inSize] of [
      [4, 2],
      [256, 576],
      [8, 30],
    ]) {
      const x = numbers(numRows * inSize);
      for (const weight of [numbers(numOutputs * inSize), Float32Array.from(numbers(numOutputs * inSize))]) {
        const plain = product(x, weight, inSize, false);
        const lanes = inLanes(x, weight, inSize);
        const fast = product(x, weight, inSize, true);
        // Both sum in float64, each in its own order: inSize · 2⁻⁵³ of the sum of absolute products, at most 1/4 each.
        const bound = (inSize * inSize * 2 ** -53) / 4;
        const worst = plain.reduce((max, value, i) => Math.max(max, Math.abs(fast[i] - value)), 0);
        expect(worst).toBeLessThanOrEqual(bound);
        const own = fast.filter((_, i) => i % (numOutputs + 5) >= 3 && i % (numOutputs + 5) < numOutputs + 3);
        expect(own).toEqual(lanes.map((sum) => sum + 0.25));
      }
    }
  });

  it('leave shapes that do not fit its lanes to the plain loops', () => {
    for (const [numOutputs, inSize] of [
      [6, 4],
      [4, 3],
    ]) {
      const rows = { weight: numbers(numOutputs * inSize), begin: 0, inSize, outSize: numOutputs };
      expect(products(numbers(inSize), rows)).toBeUndefined();
    }
  });

  it('carry what is no number to the sums that it belongs to, and no further', () => {
    const x = numbers(5 * 8);
    x[8] = Number.NaN;
    const out = product(x, numbers(4 * 8), 8, true);
    const rows = [...out].flatMap((value, i) => (Number.isNaN(value) ? [Math.floor(i / 9)] : []));
    expect(new Set(rows)).toEqual(new Set([1]));
  });
});
