// How workers share an operation: units of output are claimed from a counter, and everybody meets at a barrier
// before the next operation. Who computes a unit never changes its bits. Mirror: none (src/wasm/team.ts starts them).
//
// Control block, one cache line per word that workers write:
//   0 next unit · 64 arrived · 128 generation · 192 sleepers

import { Worker } from "./memory";

/** Claims per worker and operation: enough that a slow core delays the others by a small part only. */
const CLAIMS: i32 = 4;

/** Units to claim at a time. */
@inline export function chunkOf(me: Worker, numUnits: i32): i32 {
  const claims = me.numWorkers == 1 ? 1 : me.numWorkers * CLAIMS;
  return (numUnits + claims - 1) / claims;
}

/** First unit of the next chunk; at or over the number of units when nothing is left. */
@inline export function claim(me: Worker, chunk: i32): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(me.control, chunk);
  const unit = load<i32>(me.control);
  store<i32>(me.control, unit + chunk);
  return unit;
}

/**
 * Waits for all workers. The last one to arrive resets the counters before it lets the others go. Spinning must
 * outlast a wake-up (30 to 40 µs here): shorter, and one sleeper makes all others sleep, again and again.
 */
export function arrive(me: Worker): void {
  const control = me.control;
  if (me.numWorkers == 1) {
    store<i32>(control, 0);
    return;
  }
  if (ASC_FEATURE_THREADS) {
    const generation = atomic.load<i32>(control, 128);
    if (atomic.add<i32>(control, 1, 64) == me.numWorkers - 1) {
      atomic.store<i32>(control, 0);
      atomic.store<i32>(control, 0, 64);
      atomic.add<i32>(control, 1, 128);
      if (atomic.load<i32>(control, 192) > 0) atomic.notify(control + 128, -1);
      return;
    }
    for (let i = 0; i < me.spin; i++) if (atomic.load<i32>(control, 128) != generation) return;
    atomic.add<i32>(control, 1, 192);
    while (atomic.load<i32>(control, 128) == generation) atomic.wait<i32>(control + 128, generation, -1);
    atomic.sub<i32>(control, 1, 192);
  }
}
