// One number for a whole curve: the hash of every step's loss and gradient norm, bit by bit. Two runs with one hash
// have trained the same model.

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** The bits of a float64 as 16 hex digits; every NaN is the same one. */
export function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return Number.isNaN(value) ? '7ff8000000000000' : view.getBigUint64(0).toString(16).padStart(16, '0');
}

/** The hash of a run that has not taken a step. */
export const EMPTY_LOSS_HASH = FNV_OFFSET.toString(16).padStart(16, '0');

/** The hash after one more step: FNV-1a, 64 bits, over the bytes of both numbers, high byte first. */
export function addToLossHash(hash: string, loss: number, gradientNorm: number): string {
  let state = BigInt(`0x${hash}`);
  for (const value of [loss, gradientNorm]) {
    for (const pair of bitsOf(value).match(/../g) ?? []) {
      state = BigInt.asUintN(64, (state ^ BigInt(`0x${pair}`)) * FNV_PRIME);
    }
  }
  return state.toString(16).padStart(16, '0');
}
