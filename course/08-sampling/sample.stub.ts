/**
 * One throw of the dice: logits to probabilities, filtered, and an id.
 *
 * 1. temperature: divide the logits by it; 0 means probability 1 for the largest (the first of equals)
 * 2. top-k: only the topK largest stay; make them sum to 1
 * 3. top-p: of those, only the smallest set of largest ones whose sum reaches topP stays (1: all); sum to 1 again
 * 4. throw: walk along the ids 0, 1, 2, … and take the first at which the running sum of probabilities is above `dice`
 *
 * @param dice a number from 0 to below 1
 * @returns    the probability of every id after step 3, and the id of step 4: [probabilities, id]
 */
export function sample(
  logits: number[],
  options: { temperature: number; topK: number; topP: number },
  dice: number,
): [number[], number] {
  const { temperature, topK, topP } = options;
  throw new Error(
    `todo: ${logits.length} logits, T ${temperature}, top-k ${topK}, top-p ${topP}, dice ${dice}`,
  );
}
