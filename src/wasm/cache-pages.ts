// The pages of every cache: made when positions need them, shared between caches that begin alike, copied before one
// of those writes to them, given back with the last cache. What a page holds is drawn in assembly/cache.ts.

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
  /** Of every page: how many caches have it. */
  private readonly users = new Map<number, number>();

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

  /** Adds pages until positions [0, numPositions) have room; those from cache.length on are the cache's own. */
  reserve(cache: WasmKvCache, numPositions: number): void {
    const { ptrs, pageBytes } = this.pagesOf(cache);
    const first = Math.floor(cache.length / PAGE);
    for (let n = first; n < Math.min(ptrs.length, Math.ceil(numPositions / PAGE)); n++) {
      const shared = ptrs[n];
      if (this.users.get(shared) === 1) continue;
      const own = this.newPage(pageBytes);
      if (cache.length > n * PAGE) this.view(own, pageBytes).set(this.view(shared, pageBytes));
      this.put(cache, n, own);
      this.leave(shared);
    }
    while (ptrs.length * PAGE < numPositions) this.put(cache, ptrs.length, this.newPage(pageBytes));
  }

  /** Makes positions [0, length) of `from` those of an empty cache: whole pages are shared, the last is copied. */
  share(from: WasmKvCache, to: WasmKvCache, length: number): void {
    const { ptrs, pageBytes } = this.pagesOf(from);
    const whole = Math.floor(length / PAGE);
    for (let n = 0; n < whole; n++) {
      this.users.set(ptrs[n], (this.users.get(ptrs[n]) as number) + 1);
      this.put(to, n, ptrs[n]);
    }
    if (length > whole * PAGE) {
      const own = this.newPage(pageBytes);
      this.view(own, pageBytes).set(this.view(ptrs[whole], pageBytes));
      this.put(to, whole, own);
    }
    to.length = length;
  }

  /** Bytes of the pages of these caches, each page once. */
  bytesOf(caches: Iterable<WasmKvCache>): number {
    const seen = new Set<number>();
    let bytes = 0;
    for (const cache of caches) {
      const { ptrs, pageBytes } = this.pagesOf(cache);
      for (const ptr of ptrs) {
        if (!seen.has(ptr)) bytes += pageBytes;
        seen.add(ptr);
      }
    }
    return bytes;
  }

  free(cache: WasmKvCache): void {
    for (const page of this.pagesOf(cache).ptrs) this.leave(page);
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
    cache.length = 0;
    this.reserve(cache, length);
    const { ptrs, pageBytes } = this.pagesOf(cache);
    for (let n = 0; n * PAGE < length; n++) {
      this.view(ptrs[n], pageBytes).set(bytes.subarray(n * pageBytes, (n + 1) * pageBytes));
    }
    cache.length = length;
  }

  private newPage(bytes: number): number {
    const page = this.arena.allocate(bytes, 'cache');
    this.users.set(page, 1);
    return page;
  }

  /** Makes `page` the n-th of a cache, for the kernels too. */
  private put(cache: WasmKvCache, n: number, page: number): void {
    this.pagesOf(cache).ptrs[n] = page;
    new Uint32Array(this.arena.memory.buffer, cache.ptr + CACHE.bytes, n + 1)[n] = page;
  }

  private leave(page: number): void {
    const users = (this.users.get(page) as number) - 1;
    if (users > 0) {
      this.users.set(page, users);
      return;
    }
    this.users.delete(page);
    this.arena.release(page);
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
