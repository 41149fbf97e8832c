// Labels from a judge: what a model's answer says. The prompts of the paper (appendices C.2 and C.3) end in
// `Final score: <points>`, FineWeb-Edu's in `Educational score: <points>`.

const SCORE = /(?:final|educational) score:\s*\**\s*(\d+(?:\.\d+)?)/gi;

/** The points of an answer, or null where it names none, several that differ, or more than there are. */
export function judgedScore(answer: string, most = 5): number | null {
  const found = new Set([...answer.matchAll(SCORE)].map(([, digits]) => Number(digits)));
  const [score] = found;
  return found.size === 1 && score <= most ? score : null;
}
