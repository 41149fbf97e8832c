export function choose(
  choices: { logProbs: number[]; numPromptTokens: number; text: string }[],
): [number[], number[], [number, number]] {
  const sums = choices.map(({ logProbs, numPromptTokens }) =>
    logProbs.slice(numPromptTokens).reduce((sum, logProb) => sum + logProb, 0),
  );
  const perLength = choices.map(({ text }, i) => sums[i] / [...text.replace(/^ /, '')].length);
  const winner = (figures: number[]) => figures.indexOf(Math.max(...figures));
  return [sums, perLength, [winner(sums), winner(perLength)]];
}
