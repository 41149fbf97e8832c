/**
 * Continues a prompt, always by the likeliest token (the first of them, where several are): ask the model, append its
 * guess, ask again; until it guesses `stopId`, which is left out, or `maxNewTokens` tokens are there.
 *
 * @param prompt       ids of the tokens so far
 * @param next         the model: ids so far in, one score for each id of the vocabulary out
 * @returns            the ids of the answer, without the prompt
 */
export function loop(
  prompt: number[],
  next: (ids: number[]) => number[],
  stopId: number,
  maxNewTokens: number,
): number[] {
  throw new Error(
    `todo: at most ${maxNewTokens} ids after ${prompt}, until ${stopId}; the scores are ${next(prompt)}`,
  );
}
