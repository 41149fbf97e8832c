// Where everything lives in one linear memory: blocks are handed out, given back and merged. The memory grows as
// needed and never shrinks. What each block is for is kept by name, so that a refusal can show the sum.

import { OutOfMemoryError } from '../base/errors.ts';
import { align, LINE, WASM_PAGE } from './layout.ts';
import { formatPlan } from './plan.ts';

/** Four gigabytes: what 32-bit addresses reach. */
const MAX_BYTES = 2 ** 32;
/** Memory grows by at least this much, so that loading many small matrices does not grow it each time. */
const STEP_BYTES = 2 ** 20;

interface Block {
  ptr: number;
  bytes: number;
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  private readonly free: Block[] = []; // by address, never touching each other
  private readonly used = new Map<number, { bytes: number; name: string }>();
  private end: number;

  /** @param begin first address that may be handed out */
  constructor(memory: WebAssembly.Memory, begin: number) {
    this.memory = memory;
    this.end = align(begin);
  }

  /** Address of `bytes` bytes, a multiple of a cache line. What they hold is undefined. */
  allocate(bytes: number, name: string): number {
    const size = Math.max(align(bytes), LINE);
    const index = this.free.findIndex((block) => block.bytes >= size);
    let ptr: number;
    if (index >= 0) {
      const block = this.free[index];
      ptr = block.ptr;
      block.ptr += size;
      block.bytes -= size;
      if (block.bytes === 0) this.free.splice(index, 1);
    } else {
      ptr = this.end;
      this.growTo(ptr + size, size, name);
      this.end = ptr + size;
    }
    this.used.set(ptr, { bytes: size, name });
    return ptr;
  }

  release(ptr: number): void {
    const block = this.used.get(ptr);
    if (!block) throw new RangeError(`ptr: expected an address in use, got ${ptr}`);
    this.used.delete(ptr);
    let at = this.free.findIndex((other) => other.ptr > ptr);
    if (at < 0) at = this.free.length;
    this.free.splice(at, 0, { ptr, bytes: block.bytes });
    this.merge(at);
    this.merge(at - 1);
  }

  /** Bytes in use, by name. */
  usage(): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { bytes, name } of this.used.values()) sums.set(name, (sums.get(name) ?? 0) + bytes);
    return sums;
  }

  /** Joins free blocks `at` and `at + 1` where they touch. */
  private merge(at: number): void {
    const block = this.free[at];
    const next = this.free[at + 1];
    if (!block || !next || block.ptr + block.bytes !== next.ptr) return;
    block.bytes += next.bytes;
    this.free.splice(at + 1, 1);
  }

  private growTo(end: number, bytes: number, name: string): void {
    const have = this.memory.buffer.byteLength;
    if (end <= have) return;
    if (end > MAX_BYTES) throw this.outOfMemory(bytes, name);
    const wanted = Math.min(Math.max(end, have + STEP_BYTES), MAX_BYTES);
    try {
      this.memory.grow(Math.ceil((wanted - have) / WASM_PAGE));
    } catch {
      try {
        this.memory.grow(Math.ceil((end - have) / WASM_PAGE));
      } catch {
        throw this.outOfMemory(bytes, name);
      }
    }
  }

  private outOfMemory(bytes: number, name: string): OutOfMemoryError {
    const sums = this.usage();
    sums.set(name, (sums.get(name) ?? 0) + bytes);
    const plan = [...sums].map(([what, sum]) => ({ name: what, bytes: sum }));
    return new OutOfMemoryError(
      `memory: ${bytes} more bytes for ${name} do not fit; ` +
        'use a smaller model, a shorter context or a smaller cache type',
      formatPlan(plan),
    );
  }
}
