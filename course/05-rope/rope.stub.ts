/**
 * Turns the pair (j, j + headDim / 2) of a head by pos · theta^(−2j / headDim) radians, for j = 0 … headDim / 2 − 1:
 *
 *     first  = x[j] · cos − x[j + half] · sin
 *     second = x[j + half] · cos + x[j] · sin
 *
 * @param head  [headDim] numbers
 * @param pos   position of the token: 0, 1, 2, …
 * @param theta the base of the frequencies; 100,000 in SmolLM2
 * @returns     [headDim]; head itself stays as it is
 */
export function rope(head: Float64Array, pos: number, theta: number): Float64Array {
  throw new Error(`todo: turn ${head.length / 2} pairs for position ${pos} with theta ${theta}`);
}
