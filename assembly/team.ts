// How workers share an operation: units of output are claimed from a counter, and a phase is over when every unit is
// done, not when every worker is there. A worker that was interrupted holds the others up only by the chunk it had
// claimed; when it comes back it finds the phases over and passes through them. Who computes a unit never changes
// its bits. All workers run the same operations in the same order, so a phase is known by its number.
// Mirror: none (src/wasm/team.ts starts the workers).
//
// Control block, one cache line per word that is written:
//   0 claims: phase in the upper, next unit in the lower 32 bits │ 64 units done │ 128 phase │ 192 sleepers

import { Worker } from "./memory";

/** A claim takes its share of half of what is left, so that the last ones are small and all end together, … */
const SHARES: i32 = 2;
/** … but no less than this part of a worker's units: each claim costs up to 0.1 µs. */
const LEAST_PART: i32 = 16;

/** True where this worker is late and its phase is over: nothing that it could prepare is needed. */
@inline export function isOver(me: Worker): bool {
  if (ASC_FEATURE_THREADS) return me.numWorkers > 1 && atomic.load<i32>(me.control, 128) != me.phase;
  return false;
}

/**
 * First of the next units of this phase, `me.held` in number; numUnits when nothing is left. Claiming again says
 * that the units claimed before are done.
 */
export function claim(me: Worker, numUnits: i32): i32 {
  const held = me.held;
  if (!ASC_FEATURE_THREADS || me.numWorkers == 1) {
    me.held = held > 0 ? 0 : numUnits;
    return held > 0 ? numUnits : 0;
  }
  const control = me.control;
  if (held > 0) {
    me.held = 0;
    if (atomic.add<i32>(control, held, 64) + held == numUnits) {
      endPhase(me);
      return numUnits;
    }
  }
  const mine = <i64>(<u64>(<u32>me.phase) << 32);
  const least = 1 + numUnits / (me.numWorkers * LEAST_PART);
  let claims = atomic.load<i64>(control);
  while (claims - mine < <i64>numUnits && claims >= mine) {
    const unit = <i32>claims;
    const left = numUnits - unit;
    const size = min(left, max(least, left / (me.numWorkers * SHARES)));
    const seen = atomic.cmpxchg<i64>(control, claims, claims + <i64>size);
    if (seen == claims) {
      me.held = size;
      return unit;
    }
    claims = seen;
  }
  return numUnits;
}

/** Opens the next phase and wakes whoever sleeps. */
function endPhase(me: Worker): void {
  const control = me.control;
  const next = me.phase + 1;
  atomic.store<i32>(control, 0, 64);
  atomic.store<i64>(control, <i64>(<u64>(<u32>next) << 32));
  atomic.store<i32>(control, next, 128);
  if (atomic.load<i32>(control, 192) > 0) atomic.notify(control + 128, -1);
}

/**
 * Waits until every unit of the phase is done. Spinning must outlast a wake-up (30 to 40 µs here): shorter, and one
 * sleeper makes all others sleep, again and again.
 */
export function arrive(me: Worker): void {
  if (!ASC_FEATURE_THREADS || me.numWorkers == 1) return;
  const control = me.control;
  const phase = me.phase;
  me.phase = phase + 1;
  for (let i = 0; i < me.spin; i++) if (atomic.load<i32>(control, 128) != phase) return;
  atomic.add<i32>(control, 1, 192);
  while (atomic.load<i32>(control, 128) == phase) atomic.wait<i32>(control + 128, phase, -1);
  atomic.sub<i32>(control, 1, 192);
}
