// Prompt-lookup decoding: what an answer says next has often been said before. The ids that followed the last
// occurrence of the newest few ids are guessed, and the model checks all guesses in one pass, which costs little more
// than one id. Every id is still drawn from the model's own logits, so the answer is the same with and without.

/** Ids that must repeat before a guess is made: longer runs first, since they guess better. */
const LONGEST_RUN = 4;
const SHORTEST_RUN = 2;
/** How far back to look: keeps a guess under a tenth of a millisecond. */
const WINDOW = 4096;

/**
 * The up to `maxGuesses` ids that followed the most recent earlier occurrence of the newest ids; none where the newest
 * two ids are new together.
 */
export function guessNext(ids: readonly number[], maxGuesses: number): number[] {
  const oldest = Math.max(0, ids.length - WINDOW);
  for (let run = Math.min(LONGEST_RUN, ids.length - 1); run >= SHORTEST_RUN; run--) {
    const newest = ids.length - run;
    for (let at = newest - 1; at >= oldest; at--) {
      let same = 0;
      while (same < run && ids[at + same] === ids[newest + same]) same++;
      if (same === run) return ids.slice(at + run, at + run + maxGuesses);
    }
  }
  return [];
}
