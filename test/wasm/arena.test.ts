import { describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../src/base/errors.ts';
import { SMOLLM2_CONFIGS } from '../../src/config.ts';
import { expectedTensors } from '../../src/format/expected.ts';
import { Arena } from '../../src/wasm/arena.ts';
import { formatPlan, memoryPlan } from '../../src/wasm/plan.ts';

const arenaOf = (maximum: number) => new Arena(new WebAssembly.Memory({ initial: 1, maximum }), 100);

describe('Arena', () => {
  it('hands out multiples of 64 that never overlap, whatever is given back in between', {
    tags: ['slow'],
  }, () => {
    const arena = arenaOf(200);
    const blocks = new Map<number, number>();
    let state = 1;
    for (let step = 0; step < 600; step++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      if (state % 3 === 0 && blocks.size > 0) {
        const ptr = [...blocks.keys()][(state >>> 8) % blocks.size];
        arena.release(ptr);
        blocks.delete(ptr);
        continue;
      }
      const bytes = ((state >>> 8) % 5000) + 1;
      const ptr = arena.allocate(bytes, 'test');
      expect(ptr % 64).toBe(0);
      expect(ptr + bytes).toBeLessThanOrEqual(arena.memory.buffer.byteLength);
      for (const [other, size] of blocks) expect(ptr >= other + size || ptr + bytes <= other).toBe(true);
      blocks.set(ptr, bytes);
      if (blocks.size > 40) {
        const [first] = blocks.keys();
        arena.release(first);
        blocks.delete(first);
      }
    }
  });

  it('joins neighbours that are free: three blocks given back hold one of their sum', () => {
    const arena = arenaOf(4);
    const [a, b, c] = [1, 2, 3].map(() => arena.allocate(6400, 'test'));
    arena.allocate(64, 'test');
    for (const ptr of [a, c, b]) arena.release(ptr);
    expect(arena.allocate(3 * 6400, 'test')).toBe(a);
  });

  it('refuses with the sum by name, and still works for what fits', () => {
    const arena = arenaOf(2);
    arena.allocate(100_000, 'weights');
    expect(() => arena.allocate(50_000, 'cache')).toThrow(OutOfMemoryError);
    try {
      arena.allocate(50_000, 'cache');
    } catch (error) {
      expect((error as OutOfMemoryError).plan.split('\n')).toEqual([
        '       0.1 MB  weights',
        '       0.1 MB  cache',
        '       0.2 MB  in all',
      ]);
    }
    expect(arena.allocate(1000, 'cache')).toBeGreaterThan(0);
  });

  it('does not take an address twice', () => {
    const arena = arenaOf(4);
    const ptr = arena.allocate(64, 'test');
    arena.release(ptr);
    expect(() => arena.release(ptr)).toThrow(/ptr: expected an address in use/);
  });
});

describe('memoryPlan', () => {
  const planOf = (size: keyof typeof SMOLLM2_CONFIGS, matrix: 'Q4_1' | 'Q8_0', maxSeqLen: number) => {
    const config = SMOLLM2_CONFIGS[size];
    const tensors = [...expectedTensors(config).values()].map((shape) => ({ dtype: matrix, shape }));
    return memoryPlan(config, tensors, { maxSeqLen, cacheType: 'f16', threads: 4 });
  };

  it('counts 5 bits per weight for Q4_1: 84 MB for the 135M, and 189 MB for 8192 positions in f16', () => {
    const [weights, cache] = planOf('135m', 'Q4_1', 8192);
    expect(weights.bytes / 1e6).toBeCloseTo((134_515_008 * 5) / 8e6, 0);
    expect(cache.bytes).toBe(2 * 30 * 3 * 64 * 8192 * 2);
  });

  it('the 1.7B in Q4_1 with 8192 positions fits four gigabytes', () => {
    const total = planOf('1.7b', 'Q4_1', 8192).reduce((sum, part) => sum + part.bytes, 0);
    expect(total).toBeLessThan(2 ** 32);
    expect(total / 1e9).toBeCloseTo(2.7, 2);
  });

  it('prints one line per part, and the sum', () => {
    const text = formatPlan(planOf('135m', 'Q4_1', 2048));
    expect(text.split('\n')).toHaveLength(5);
    expect(text).toMatch(/cache of 2048 positions in f16/);
  });
});
