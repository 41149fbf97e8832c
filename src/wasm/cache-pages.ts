// The pages of every cache: made when positions need them, given back with the cache, copied out and in. What a page
// holds is drawn in assembly/cache.ts.

import type { Arena } from './arena.ts';
import { type CacheShape, cacheLayout, PAGE } from './layout.ts';
import type { WasmKvCache } from './ops.ts';
import type { CacheType } from './options.ts';
import { CACHE } from './records.ts';

/** The pages of one cache: page n holds positions [PAGE · n, PAGE · (n + 1)). */
interface Pages {
  readonly pageBytes: number;
  readonly ptrs: number[];
}

export class CachePages {
  private readonly arena: Arena;
  private readonly type: CacheType;
  /** By the address of the cache's record. */
  private readonly caches = new Map<number, Pages>();

  constructor(arena: Arena, type: CacheType) {
    this.arena = arena;
    this.type = type;
  }

  /** A cache without pages; its record has room for the addresses of all that it may ever have. */
  open(shape: CacheShape, maxSeqLen: number): WasmKvCache {
    const { numHeads, numKvHeads, headDim } = shape;
    const { pageBytes, ...offsets } = cacheLayout(shape, this.type);
    const maxParts = Math.ceil(maxSeqLen / PAGE);
    const ptr = this.arena.allocate(CACHE.bytes + maxParts * 4, 'cache');
    const heads = { numHeads, numKvHeads, headDim };
    CACHE.write(this.arena.memory, ptr, { ...offsets, ...heads, maxParts, pages: ptr + CACHE.bytes });
    this.caches.set(ptr, { pageBytes, ptrs: [] });
    return { ptr, length: 0, maxSeqLen, headDim, numHeads, numKvHeads };
  }

  /** Adds pages until positions [0, numPositions) have room. */
  reserve(cache: WasmKvCache, numPositions: number): void {
    const { ptrs, pageBytes } = this.pagesOf(cache);
    while (ptrs.length * PAGE < numPositions) {
      const page = this.arena.allocate(pageBytes, 'cache');
      new Uint32Array(this.arena.memory.buffer, cache.ptr + CACHE.bytes, ptrs.length + 1)[ptrs.length] = page;
      ptrs.push(page);
    }
  }

  free(cache: WasmKvCache): void {
    for (const page of this.pagesOf(cache).ptrs) this.arena.release(page);
    this.caches.delete(cache.ptr);
    this.arena.release(cache.ptr);
  }

  /** Whole pages, in order; what lies behind the last position is whatever was there. */
  export(cache: WasmKvCache): Uint8Array {
    const { ptrs, pageBytes } = this.pagesOf(cache);
    const used = ptrs.slice(0, Math.ceil(cache.length / PAGE));
    const bytes = new Uint8Array(used.length * pageBytes);
    for (const [n, ptr] of used.entries()) bytes.set(this.view(ptr, pageBytes), n * pageBytes);
    return bytes;
  }

  /** Fills positions [0, length) with what `export` gave. */
  import(cache: WasmKvCache, length: number, bytes: Uint8Array): void {
    this.reserve(cache, length);
    const { ptrs, pageBytes } = this.pagesOf(cache);
    for (let n = 0; n * PAGE < length; n++) {
      this.view(ptrs[n], pageBytes).set(bytes.subarray(n * pageBytes, (n + 1) * pageBytes));
    }
    cache.length = length;
  }

  private view(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.arena.memory.buffer, ptr, length);
  }

  private pagesOf(cache: WasmKvCache): Pages {
    const pages = this.caches.get(cache.ptr);
    if (!pages) throw new RangeError('cache: expected a cache in use, got one that was freed');
    return pages;
  }
}
