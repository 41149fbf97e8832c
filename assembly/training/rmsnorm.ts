// The gradient of root-mean-square normalisation. Mirror: src/reference/rmsnorm.ts (rmsNormBackward); the forward is
// ../rmsnorm.ts. Sums of a row: in float64, i ascending. dWeight: in float64, rows ascending, one worker a column.

import { Worker } from '../memory';
import { arrive, claim } from '../team';

/**
 * dX [rows, size] (+)= and dWeight [size] +=, each where its address is not 0.
 *
 * @param scales [rows] f64, scratch of the team: 1 / sqrt(mean square + eps) of each row
 */
export function rmsNormBackward(
  me: Worker,
  dX: usize,
  dWeight: usize,
  dOut: usize,
  x: usize,
  weight: usize,
  scales: usize,
  rows: i32,
  size: i32,
  eps: f64,
  adds: bool,
): void {
  const rowBytes = (<usize>size) << 2;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      const at = <usize>t * rowBytes;
      const scale = rowBackward(dX == 0 ? 0 : dX + at, dOut + at, x + at, weight, rowBytes, eps, adds);
      store<f64>(scales + ((<usize>t) << 3), scale);
    }
  }
  arrive(me);
  if (dWeight != 0) weightBackward(me, dWeight, dOut, x, scales, rows, size);
}

function rowBackward(
  dX: usize,
  dOut: usize,
  x: usize,
  weight: usize,
  rowBytes: usize,
  eps: f64,
  adds: bool,
): f64 {
  let sumSquares: f64 = 0;
  let gradientDotX: f64 = 0;
  for (let i: usize = 0; i < rowBytes; i += 4) {
    const value = <f64>load<f32>(x + i);
    sumSquares += value * value;
    gradientDotX += <f64>load<f32>(dOut + i) * <f64>load<f32>(weight + i) * value;
  }
  const size = <f64>(rowBytes >> 2);
  const scale = 1.0 / sqrt<f64>(sumSquares / size + eps);
  if (dX == 0) return scale;
  const pull = f32x4.splat(<f32>(((scale * scale * scale) / size) * gradientDotX));
  const scale4 = f32x4.splat(<f32>scale);
  let i: usize = 0;
  for (; i + 16 <= rowBytes; i += 16) {
    const push = f32x4.mul(f32x4.mul(v128.load(dOut + i), v128.load(weight + i)), scale4);
    const sum = f32x4.sub(push, f32x4.mul(v128.load(x + i), pull));
    v128.store(dX + i, adds ? f32x4.add(v128.load(dX + i), sum) : sum);
  }
  for (; i < rowBytes; i += 4) {
    const push = load<f32>(dOut + i) * load<f32>(weight + i) * <f32>scale;
    const sum = push - load<f32>(x + i) * f32x4.extract_lane(pull, 0);
    store<f32>(dX + i, adds ? load<f32>(dX + i) + sum : sum);
  }
  return scale;
}

function weightBackward(
  me: Worker,
  dWeight: usize,
  dOut: usize,
  x: usize,
  scales: usize,
  rows: i32,
  size: i32,
): void {
  const rowBytes = (<usize>size) << 2;
  for (let begin = claim(me, size); begin < size; begin = claim(me, size)) {
    for (let n = begin, end = begin + me.held; n < end; n++) {
      let at = (<usize>n) << 2;
      const out = dWeight + at;
      let sum: f64 = 0;
      for (let t = 0; t < rows; t++, at += rowBytes) {
        sum += <f64>load<f32>(dOut + at) * <f64>load<f32>(x + at) * load<f64>(scales + ((<usize>t) << 3));
      }
      store<f32>(out, load<f32>(out) + <f32>sum);
    }
  }
  arrive(me);
}
