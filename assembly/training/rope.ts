// Rotary position embedding of dense rows, forwards and backwards. Mirror: src/reference/rope.ts.

import { Worker } from '../memory';
import { arrive, claim } from '../team';

/**
 * x [rows, numHeads, 2 · half], in place: by the angle of each row's position, or by its opposite (direction -1).
 *
 * @param positions [rows] i32
 * @param cosines   [maxSeqLen, half] f32, and sines alike
 */
export function rope(
  me: Worker,
  x: usize,
  positions: usize,
  cosines: usize,
  sines: usize,
  rows: i32,
  numHeads: i32,
  half: i32,
  direction: f32,
): void {
  const halfBytes = (<usize>half) << 2;
  const rowBytes = <usize>numHeads * 2 * halfBytes;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      const angles = <usize>load<i32>(positions + ((<usize>t) << 2)) * halfBytes;
      const row = x + <usize>t * rowBytes;
      for (let head = row; head < row + rowBytes; head += 2 * halfBytes) {
        rotate(head, halfBytes, cosines + angles, sines + angles, direction);
      }
    }
  }
  arrive(me);
}

function rotate(head: usize, halfBytes: usize, cosines: usize, sines: usize, direction: f32): void {
  const sign = f32x4.splat(direction);
  let j: usize = 0;
  for (; j + 16 <= halfBytes; j += 16) {
    const first = v128.load(head + j);
    const second = v128.load(head + halfBytes + j);
    const cosine = v128.load(cosines + j);
    const sine = f32x4.mul(v128.load(sines + j), sign);
    v128.store(head + j, f32x4.sub(f32x4.mul(first, cosine), f32x4.mul(second, sine)));
    v128.store(head + halfBytes + j, f32x4.add(f32x4.mul(second, cosine), f32x4.mul(first, sine)));
  }
  for (; j < halfBytes; j += 4) {
    const first = load<f32>(head + j);
    const second = load<f32>(head + halfBytes + j);
    const cosine = load<f32>(cosines + j);
    const sine = load<f32>(sines + j) * direction;
    store<f32>(head + j, first * cosine - second * sine);
    store<f32>(head + halfBytes + j, second * cosine + first * sine);
  }
}
