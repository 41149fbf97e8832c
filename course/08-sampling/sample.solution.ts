export function sample(
  logits: number[],
  options: { temperature: number; topK: number; topP: number },
  dice: number,
): [number[], number] {
  const { temperature, topK, topP } = options;
  const max = Math.max(...logits);
  const best = logits.indexOf(max);
  const weights = logits.map((logit, id) =>
    temperature === 0 ? Number(id === best) : Math.exp((logit - max) / temperature),
  );

  const ranked = weights.map((weight, id) => ({ weight, id })).sort((a, b) => b.weight - a.weight);
  const firstK = ranked.slice(0, topK);
  const total = firstK.reduce((sum, { weight }) => sum + weight, 0);
  let mass = 0;
  const kept =
    topP >= 1
      ? firstK
      : firstK.filter(({ weight }) => {
          const isNeeded = mass < topP * total;
          mass += weight;
          return isNeeded;
        });

  const sum = kept.reduce((all, { weight }) => all + weight, 0);
  const probabilities = logits.map(() => 0);
  for (const { weight, id } of kept) probabilities[id] = weight / sum;
  let walked = 0;
  const id = probabilities.findIndex((p) => (walked += p) > dice);
  return [probabilities, id];
}
