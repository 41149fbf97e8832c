export function loop(
  prompt: number[],
  next: (ids: number[]) => number[],
  stopId: number,
  maxNewTokens: number,
): number[] {
  const answer: number[] = [];
  while (answer.length < maxNewTokens) {
    const scores = next([...prompt, ...answer]);
    const id = scores.indexOf(Math.max(...scores));
    if (id === stopId) break;
    answer.push(id);
  }
  return answer;
}
