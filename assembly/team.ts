// How workers share an operation: units of output are claimed from a counter, and a phase is over when every unit is
// done, not when every worker is there. A worker that was interrupted holds the others up only by the chunk it had
// claimed; when it comes back it finds the phases over and passes through them. Who computes a unit never changes
// its bits. All workers run the same operations in the same order, so a phase is known by its number.
// Mirror: none (src/wasm/team.ts starts the workers).
//
// Each worker begins with its own share of the units, which lie side by side in memory, so that it reads its weights
// in one stream; who is done takes from the shares of the others. (One counter for all broke the streams: decode on
// two workers lost a sixth.)
//
// Control block, one cache line per word that is written:
//   0 units done │ 64 phase │ 128 sleepers │ 192 + 64 w claims from the share of worker w: phase in the upper 32 bits,
//   units claimed in the lower

import { Worker } from './memory';

const PHASE: usize = 64;
const SLEEPERS: usize = 128;
const CLAIMS: usize = 192;
/** Longest sleep in nanoseconds: who sleeps looks again, so that a lost wake-up costs a moment and not the pass. */
const NAP: i64 = 100_000_000;

/** True where this worker is late and its phase is over: nothing that it could prepare is needed. */
@inline
export function isOver(me: Worker): bool {
  if (ASC_FEATURE_THREADS) return me.numWorkers > 1 && atomic.load<i32>(me.control, PHASE) != me.phase;
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
  me.held = 0;
  me.done += held;
  const numWorkers = me.numWorkers;
  for (let n = 0; n < numWorkers; n++) {
    const w = (me.index + n) % numWorkers;
    const first = <i32>((<i64>numUnits * w) / numWorkers);
    const size = <i32>((<i64>numUnits * (w + 1)) / numWorkers) - first;
    const claimed = claimFrom(me, control + CLAIMS + ((<usize>w) << 6), size);
    if (claimed < size) return first + claimed;
  }
  const done = me.done;
  if (done > 0) {
    me.done = 0;
    if (atomic.add<i32>(control, done) + done == numUnits) endPhase(me);
  }
  return numUnits;
}

/** Claims half of what is left of a share: first unit within it, or `size` when nothing is left of this phase. */
function claimFrom(me: Worker, word: usize, size: i32): i32 {
  const mine = <i64>((<u64>(<u32>me.phase)) << 32);
  let claims = atomic.load<i64>(word);
  while (claims - mine < <i64>size && claims >= mine) {
    const unit = <i32>claims;
    const count = (size - unit + 1) / 2;
    const seen = atomic.cmpxchg<i64>(word, claims, claims + <i64>count);
    if (seen == claims) {
      me.held = count;
      return unit;
    }
    claims = seen;
  }
  return size;
}

/** Opens the next phase and wakes whoever sleeps. */
function endPhase(me: Worker): void {
  const control = me.control;
  const next = me.phase + 1;
  atomic.store<i32>(control, 0);
  const open = <i64>((<u64>(<u32>next)) << 32);
  for (let w = 0; w < me.numWorkers; w++) atomic.store<i64>(control + CLAIMS + ((<usize>w) << 6), open);
  atomic.store<i32>(control, next, PHASE);
  if (atomic.load<i32>(control, SLEEPERS) > 0) atomic.notify(control + PHASE, -1);
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
  for (let i = 0; i < me.spin; i++) if (atomic.load<i32>(control, PHASE) != phase) return;
  atomic.add<i32>(control, 1, SLEEPERS);
  while (atomic.load<i32>(control, PHASE) == phase) atomic.wait<i32>(control + PHASE, phase, NAP);
  atomic.sub<i32>(control, 1, SLEEPERS);
}
