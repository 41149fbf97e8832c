// The export list: what src/wasm calls, and single kernels for tests and benches.

export { attend } from './attend';
export { remember } from './cache';
export { embed } from './embed';
export { halfOf } from './half';
export { attentionInput, linear, linearAdd, mlpInput } from './linear';
export { pack } from './pack';
export { quantiseFast, quantisePrecise } from './quantise';
export { rmsNorm } from './rmsnorm';
export { rope } from './rope';
export { exp1 } from './simd';
export { add, swiglu } from './swiglu';
export { arrive } from './team';

/** First address after the constants of the kernels. */
export function heapBase(): usize {
  return __heap_base;
}
