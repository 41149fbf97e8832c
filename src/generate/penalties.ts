// Steps of sampling that change single logits by what was written before. Each one works in place on the
// sampler's own copy, `scores` [vocabSize]; sampler.ts says in which order they run.

/**
 * Makes every id seen before less likely (Keskar et al. 2019; HF `RepetitionPenaltyLogitsProcessor`):
 *
 *     score > 0 ? score / penalty : score · penalty
 *
 * @param seen    ids of prompt and answer; each distinct id is penalised once
 * @param penalty above 0; above 1 discourages repetition
 */
export function repetitionPenalty(scores: Float64Array, seen: readonly number[], penalty: number): void {
  for (const id of new Set(seen)) scores[id] = scores[id] > 0 ? scores[id] / penalty : scores[id] * penalty;
}

/**
 * Forbids every id that would repeat a run of `size` ids (HF `NoRepeatNGramLogitsProcessor`).
 *
 * @param seen ids of prompt and answer
 * @param size at least 1
 */
export function noRepeatNgram(scores: Float64Array, seen: readonly number[], size: number): void {
  const tail = seen.length - (size - 1); // the last size - 1 ids begin the run that must not be completed
  for (let start = 0; start + size <= seen.length; start++) {
    let i = 0;
    while (i < size - 1 && seen[start + i] === seen[tail + i]) i++;
    if (i === size - 1) scores[seen[start + i]] = Number.NEGATIVE_INFINITY;
  }
}

/**
 * Subtracts from the score of each id of the answer (OpenAI's definition):
 *
 *     score - presence - count · frequency
 *
 * @param answer ids generated so far, without the prompt
 */
export function frequencyAndPresencePenalty(
  scores: Float64Array,
  answer: readonly number[],
  frequency: number,
  presence: number,
): void {
  for (const id of answer) scores[id] -= frequency;
  for (const id of new Set(answer)) scores[id] -= presence;
}

/** Adds a number to the score of each id named; -Infinity forbids it. */
export function addLogitBias(scores: Float64Array, bias: ReadonlyMap<number, number>): void {
  for (const [id, value] of bias) scores[id] += value;
}
