import { describe, expect, it } from 'vitest';
import { UnsupportedError } from '../../src/base/errors.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import type { Build } from '../../src/wasm/platform.ts';
import { EPS32, expectClose, maxAbs, maxDifference } from '../support/close.ts';
import * as lanes from '../support/lanes.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { bitsOf, kernelBytes, matrixTensor, randomF32, randomMatrix, wasmEngine } from '../support/wasm.ts';

/** Node has had relaxed SIMD since version 22. */
const isSupported = WebAssembly.validate(kernelBytes('relaxed-single'));

/** Places of bytes that look like a relaxed instruction: prefix 0xfd, then 0x100 to 0x113 in LEB128. */
function relaxedInstructions(build: Build): number {
  const bytes = kernelBytes(build);
  let count = 0;
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i] === 0xfd && bytes[i + 1] >= 0x80 && bytes[i + 1] <= 0x93 && bytes[i + 2] === 2) count++;
  }
  return count;
}

describe('builds', () => {
  it('strict ones have no relaxed instruction, relaxed ones have over 20', () => {
    expect(relaxedInstructions('strict')).toBe(0);
    expect(relaxedInstructions('strict-single')).toBe(0);
    expect(relaxedInstructions('relaxed')).toBeGreaterThan(20);
    expect(relaxedInstructions('relaxed-single')).toBeGreaterThan(20);
  });

  it.each(['strict', 'strict-single', 'relaxed', 'relaxed-single'] as const)('%s is under 40 KB', (build) => {
    expect(kernelBytes(build).length).toBeLessThan(40_000);
  });

  it('single ones need no shared memory, the others do', () => {
    const shared = (build: Build) => {
      const [memory] = WebAssembly.Module.imports(new WebAssembly.Module(kernelBytes(build)));
      expect(memory.kind).toBe('memory');
      const single = new WebAssembly.Memory({ initial: 20, maximum: 65536 });
      const abort = () => {};
      try {
        new WebAssembly.Instance(new WebAssembly.Module(kernelBytes(build)), {
          env: { memory: single, abort },
        });
        return false;
      } catch (error) {
        expect(error).toBeInstanceOf(WebAssembly.LinkError);
        return true;
      }
    };
    expect([shared('strict'), shared('strict-single')]).toEqual([true, false]);
  });
});

function withoutRelaxed(): void {
  it('asking for it is refused and says what to do', async () => {
    const checkpoint = randomCheckpoint(SMALL_CONFIG, () => 'Q4_1');
    const load = loadModel(checkpoint, { relaxed: true }, nodePlatform);
    await expect(load).rejects.toThrow(UnsupportedError);
    await expect(load).rejects.toThrow(/relaxed: this runtime has no relaxed SIMD; leave the option out/);
  });
}

function withRelaxed(): void {
  it.each([
    ['Q4_1', 32],
    ['Q4_1', 64],
    ['Q4_1', 576],
    ['Q4_0', 32],
    ['Q4_0', 576],
  ] as const)(
    '%s with %i columns is within float32 rounding of the lane model of 8-bit activations',
    async (dtype, inSize) => {
      const engine = wasmEngine({ build: 'relaxed-single' });
      const bytes = randomMatrix(dtype, 8, inSize, 3);
      const matrix = await engine.loadMatrix(matrixTensor(dtype, 8, inSize, bytes));
      const x = randomF32(9 * inSize, 4, 5);
      const input = engine.vector(9 * inSize);
      engine.write(input, x);
      const out = engine.vector(9 * 8);
      engine.linear(out, input, matrix);
      const all = engine.readNow(out);
      const row = (o: number) => q4Blocks(dtype, bytes, o, inSize);
      const first = x.subarray(0, inSize);
      // Fused or not, depending on the machine: a few roundings of sums under four times the largest.
      const expected = Array.from({ length: 8 }, (_, o) => lanes.linearBytes(first, row(o)));
      const tolerance = (inSize / 32 + 4) * EPS32 * 4 * maxAbs(expected);
      expectClose(all.slice(0, 8), expected, tolerance, 'row');
      for (let t = 0; t < 9; t++) {
        const one = engine.vector(8);
        engine.linear(one, engine.view(input, t * inSize, (t + 1) * inSize), matrix);
        expect(engine.readNow(one)).toEqual(all.slice(8 * t, 8 * t + 8));
      }
    },
  );

  it('1 and 3 workers agree bit for bit, and with the strict build within 1 % of the largest logit', async () => {
    const ids = Array.from({ length: 40 }, (_, t) => (t * 37 + 11) % 61);
    const logitsOf = async (relaxed: boolean, threads: number) => {
      const model = await loadModel(
        randomCheckpoint(SMALL_CONFIG, () => 'Q4_1'),
        { relaxed, threads },
        nodePlatform,
      );
      const logits = await model.forward(ids, model.newCache(), { logits: 'all' });
      await model.close();
      return logits;
    };
    const relaxed = await logitsOf(true, 1);
    const strict = await logitsOf(false, 1);
    expect(bitsOf(await logitsOf(true, 3))).toBe(bitsOf(relaxed));
    const { difference } = maxDifference(relaxed, strict);
    expect(difference / maxAbs(strict)).toBeLessThan(0.01);
    expect(difference).toBeGreaterThan(0);
  });
}

function q4Blocks(
  dtype: 'Q4_0' | 'Q4_1',
  bytes: Uint8Array,
  row: number,
  inSize: number,
): lanes.WeightBlock[] {
  const half = (bits: number) =>
    (bits & 0x8000 ? -1 : 1) * 2 ** (((bits >> 10) & 31) - 25) * (1024 + (bits & 1023));
  const start = dtype === 'Q4_1' ? 4 : 2;
  return Array.from({ length: inSize / 32 }, (_, b) => {
    const at = ((row * inSize) / 32 + b) * (start + 16);
    const view = new DataView(bytes.buffer, at, start + 16);
    const d = half(view.getUint16(0, true));
    return {
      d,
      m: dtype === 'Q4_1' ? half(view.getUint16(2, true)) : -8 * d,
      q: Array.from({ length: 32 }, (_, i) => (view.getUint8(start + (i % 16)) >> (i < 16 ? 0 : 4)) & 15),
    };
  });
}

// One of the two is for this runtime; a skipped test would say that something is missing.
if (isSupported) describe('with relaxed SIMD', withRelaxed);
else describe('without relaxed SIMD', withoutRelaxed);
