/**
 * Which answer a model believes, in the two ways that papers count:
 *
 *     sum        = Σ ln p over the answer's tokens                         the largest wins (acc)
 *     per length = sum / number of characters of the answer               the largest wins (acc_norm)
 *
 * Characters are code points, without one blank at the front where there is one. Of equals the first wins.
 *
 * @param choices logProbs holds the question's tokens, and then the answer's
 * @returns       [sums, sums per length, [winner by sum, winner per length]]
 */
export function choose(
  choices: { logProbs: number[]; numPromptTokens: number; text: string }[],
): [number[], number[], [number, number]] {
  throw new Error(`todo: ${choices.map(({ text }) => text)}`);
}
