/**
 * The mean surprise at a text: row t of the logits guesses ids[t + 1], and
 *
 *     loss of a row = −ln p(next id),   p = softmax of the row
 *
 * @param logits one row for each id, one after the other: [ids.length, vocabSize]
 * @returns      the mean over all rows but the last, in nats
 */
export function loss(logits: Float64Array, ids: number[]): number {
  throw new Error(`todo: ${ids.length - 1} guesses among ${logits.length / ids.length} ids`);
}
