/**
 * What one token gathers from itself and the tokens before it. For each query head:
 *
 *     score[p]  = q · key[p] / √headDim                     for p = 0 … pos; may be 1000
 *     weight[p] = e^score[p] / Σ e^score
 *     out       = Σ over p of weight[p] · value[p]
 *
 * Query head h reads key and value head floor(h / (numHeads / numKvHeads)).
 *
 * @param q      [numHeads, headDim] of the token at position pos
 * @param keys   [positions, numKvHeads, headDim]; the text may go on after pos
 * @param values [positions, numKvHeads, headDim]
 * @returns      [numHeads, headDim]
 */
export function attend(
  q: Float64Array,
  keys: Float64Array,
  values: Float64Array,
  heads: { numHeads: number; numKvHeads: number; headDim: number },
  pos: number,
): Float64Array {
  const { numHeads, numKvHeads, headDim } = heads;
  throw new Error(
    `todo: ${q.length} numbers, ${numHeads}/${numKvHeads} heads of ${headDim}, ${keys.length + values.length + pos}`,
  );
}
