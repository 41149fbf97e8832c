// silu(gate) · up, and residual addition: value by value, no order of sums. Mirrors: src/reference/swiglu.ts, add.ts.

import { checkApart, checkValues } from './checks';
import { Worker } from './memory';
import { exp4, one4 } from './simd';
import { arrive, claim } from './team';

/** gate / (1 + e^-gate) · up, four values. */
@inline
export function swiglu4(gate: v128, up: v128): v128 {
  return f32x4.mul(f32x4.div(gate, f32x4.add(one4(), exp4(f32x4.neg(gate)))), up);
}

/** Values claimed at a time in one-pass operations. */
const PIECE: i32 = 1024;

/** out [length]; out may be gate. */
export function swiglu(me: Worker, out: usize, gate: usize, up: usize, length: i32): void {
  if (!ASC_NO_ASSERT) {
    checkValues(out, length);
    checkApart(gate, length, up, length);
  }
  const numPieces = (length + PIECE - 1) / PIECE;
  for (let begin = claim(me, numPieces); begin < numPieces; begin = claim(me, numPieces)) {
    let i = (<usize>(begin * PIECE)) << 2;
    const end = (<usize>min((begin + me.held) * PIECE, length)) << 2;
    for (; i + 16 <= end; i += 16) v128.store(out + i, swiglu4(v128.load(gate + i), v128.load(up + i)));
    for (; i < end; i += 4) {
      v128.store_lane<f32>(out + i, swiglu4(v128.load32_splat(gate + i), v128.load32_splat(up + i)), 0);
    }
  }
  arrive(me);
}

/** x [length] += y. */
export function add(me: Worker, x: usize, y: usize, length: i32): void {
  if (!ASC_NO_ASSERT) checkApart(x, length, y, length);
  const numPieces = (length + PIECE - 1) / PIECE;
  for (let begin = claim(me, numPieces); begin < numPieces; begin = claim(me, numPieces)) {
    let i = (<usize>(begin * PIECE)) << 2;
    const end = (<usize>min((begin + me.held) * PIECE, length)) << 2;
    for (; i + 16 <= end; i += 16) v128.store(x + i, f32x4.add(v128.load(x + i), v128.load(y + i)));
    for (; i < end; i += 4) store<f32>(x + i, load<f32>(x + i) + load<f32>(y + i));
  }
  arrive(me);
}
