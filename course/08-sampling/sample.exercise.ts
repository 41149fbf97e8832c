// Sampling with the dice given. The probabilities are returned too: an id alone would hide nearly every mistake.

import { exercise, help } from '../exercise.ts';

interface Options {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}
type Args = [logits: number[], options: Options, dice: number];

const logits = [1.5, -0.5, 3, 0.25, 2.5, -1, 2, 0.75];
const sharp = [4, 3.5, 1, 3.25, -2, 0, 2.75, 3];

export const sample = exercise({
  name: 'sample',
  chapter: 8,
  folder: '08-sampling',
  title: 'Sampling: temperature, top-k, top-p, one throw',
  minutes: 20,
  importance: 2,
  parts: ['probabilities', 'id'],
  cases: [
    { name: 'plain: no filter', args: [[2, 1, 0], { temperature: 1, topK: 3, topP: 1 }, 0.7] as Args },
    { name: 'temperature 2', args: [logits, { temperature: 2, topK: 8, topP: 1 }, 0.35] },
    { name: 'temperature 0.5', args: [sharp, { temperature: 0.5, topK: 8, topP: 1 }, 0.93] },
    { name: 'top-k 3', args: [logits, { temperature: 1, topK: 3, topP: 1 }, 0.1] },
    { name: 'top-p 0.7', args: [logits, { temperature: 1, topK: 8, topP: 0.7 }, 0.99] },
    { name: 'all three', args: [sharp, { temperature: 3, topK: 5, topP: 0.7 }, 0.6] },
    { name: 'all three, a larger top-p', args: [sharp, { temperature: 3, topK: 5, topP: 0.8 }, 0.3] },
    { name: 'temperature 0: the best', args: [logits, { temperature: 0, topK: 8, topP: 1 }, 0.9] },
    { name: 'scores of a thousand', args: [[1000, 998, 1001], { temperature: 1, topK: 3, topP: 1 }, 0.4] },
    {
      name: 'a throw of 0 where id 0 is filtered out',
      args: [logits, { temperature: 1, topK: 3, topP: 1 }, 0],
    },
    { name: 'a top-p below the best', args: [logits, { temperature: 1, topK: 8, topP: 0.05 }, 0.5] },
  ],
  truth: (scores: number[], options: Options, dice: number) => sampled(() => false, scores, options, dice),
  variant: (has) => (scores: number[], options: Options, dice: number) =>
    sampled(has as (mistake: string) => boolean, scores, options, dice),
  mistakes: {
    'sum-below-one': help(
      'what do the probabilities add up to at the end?',
      'yours: made to sum to 1 after top-k, and not again after top-p.',
      'kept',
      'kept, each divided by their sum',
    ),
    'times-temperature': help(
      'divide, or multiply?',
      'yours: logit · T. Meant: logit / T: a high temperature flattens.',
      'logit * temperature',
      'logit / temperature',
    ),
    'no-temperature': help(
      'one of the options is not used.',
      'yours: T = 1 whatever is given. Meant: logit / T.',
      'logit',
      'logit / temperature',
    ),
    'temperature-on-probabilities': help(
      'what does the temperature divide?',
      'yours: probabilities, which does nothing after the division by the sum. Meant: logits.',
      'p / temperature',
      'Math.exp(logit / temperature)',
    ),
    'top-p-before-temperature': help(
      'in which order do the steps come?',
      'yours: top-p judges the probabilities at T = 1. Meant: temperature, then top-k, then top-p.',
      'topP, then temperature',
      'temperature, then topP',
    ),
    'top-p-before-top-k': help(
      'in which order do the steps come?',
      'yours: top-p, then top-k; or top-p on what top-k left without making it sum to 1, which is the same. Meant: top-k, make it sum to 1, then top-p.',
      'topP, then topK',
      'topK, renormalise, topP',
    ),
    'top-p-one-fewer': help(
      'does the one that reaches p belong to the set?',
      'yours: it is left out. Meant: it is kept, so that the set reaches p.',
      'sum + p <= topP',
      'sum < topP',
    ),
    'top-p-one-more': help(
      'how many does top-p keep?',
      'yours: one more than reaches p. Meant: the smallest set that reaches p.',
      'sum <= topP, after one more',
      'sum < topP',
    ),
    'top-p-as-threshold': help(
      'top-p is a sum.',
      'yours: keeps what has p ≥ 1 − topP. Meant: the largest, until their sum reaches topP.',
      'p >= 1 - topP',
      'running sum < topP',
    ),
    'no-top-p': help(
      'one of the options is not used.',
      'yours: without top-p. Meant: the smallest set of largest probabilities that reaches p.',
      '…',
      'if (sum >= topP) break',
    ),
    'no-top-k': help(
      'one of the options is not used.',
      'yours: without top-k. Meant: only the k largest stay.',
      '…',
      'ranked.slice(0, topK)',
    ),
    'top-k-one-more': help(
      'count what top-k keeps.',
      'yours: k + 1. Meant: k.',
      'ranked[topK]',
      'ranked[topK - 1]',
    ),
    'top-k-one-fewer': help(
      'count what top-k keeps.',
      'yours: k − 1 (at least one). Meant: k.',
      'slice(0, topK - 1)',
      'slice(0, topK)',
    ),
    'keeps-the-least': help(
      'which are kept: the largest?',
      'yours: sorted from the smallest. Meant: from the largest.',
      'a - b',
      'b - a',
    ),
    'not-renormalised': help(
      'do the probabilities still sum to 1?',
      'yours: what was filtered out is missing. Meant: divide by the sum of what is left.',
      'p',
      'p / sum of the kept',
    ),
    'no-zero': help(
      'what is a temperature of 0?',
      'yours: a division by zero. Meant: all probability on the best.',
      'logit / 0',
      'temperature === 0: probability 1 for the largest',
    ),
    'no-maximum': help(
      'what is e^1000?',
      'yours: e^logit. Meant: e^(logit − largest).',
      'Math.exp(logit)',
      'Math.exp(logit - max)',
    ),
    'thrown-by-rank': help(
      'in which order does the throw walk along the probabilities?',
      'yours: from the likeliest. Meant: in the order of the ids, so that a seed gives everybody the same token.',
      'ranked order',
      'id = 0, 1, 2, …',
    ),
    'thrown-from-behind': help(
      'from which end does the throw walk?',
      'yours: from the last id. Meant: from id 0.',
      'from the end',
      'from id 0',
    ),
    'reached-not-passed': help(
      'can an id be thrown whose probability is 0?',
      'yours: the first id at which the running sum reaches the throw, which a throw of 0 does at once. Meant: passes it.',
      'running sum >= dice',
      'running sum > dice',
    ),
    'always-the-best': help(
      'is the throw used?',
      'yours: the likeliest id, always. Meant: the first id at which the running sum passes the throw.',
      'argmax',
      'running sum > dice',
    ),
  },
  why: [
    'Top-p after temperature: heat first spreads the probability, then the tail is cut where it has come to lie.',
    'With the throw given, the whole of sampling is a function: the same seed writes the same text.',
  ],
});

/** One number of a distribution: an id, and its probability at some temperature. */
interface Candidate {
  readonly id: number;
  readonly p: number;
}

function softmaxOf(
  has: (mistake: string) => boolean,
  scores: readonly number[],
  temperature: number,
): Candidate[] {
  const scaled = scores.map((score) =>
    has('times-temperature') ? score * temperature : score / temperature,
  );
  const max = has('no-maximum') ? 0 : Math.max(...scaled);
  const raw = scaled.map((score) => Math.exp(score - max));
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((e, id) => ({ id, p: e / sum }));
}

function normalised(candidates: readonly Candidate[]): Candidate[] {
  const sum = candidates.reduce((total, { p }) => total + p, 0);
  return candidates.map(({ id, p }) => ({ id, p: p / sum }));
}

function keptByTopP(
  has: (mistake: string) => boolean,
  ranked: readonly Candidate[],
  topP: number,
): Candidate[] {
  if (has('no-top-p') || topP >= 1) return [...ranked];
  if (has('top-p-as-threshold')) return ranked.filter(({ p }, i) => i === 0 || p >= 1 - topP);
  const kept: Candidate[] = [];
  let sum = 0;
  for (const candidate of ranked) {
    if (kept.length > 0 && (sum >= topP || (has('top-p-one-fewer') && sum + candidate.p > topP))) {
      if (has('top-p-one-more')) kept.push(candidate);
      break;
    }
    kept.push(candidate);
    sum += candidate.p;
  }
  return kept;
}

function sampled(has: (mistake: string) => boolean, scores: number[], options: Options, dice: number) {
  const { temperature, topK, topP } = options;
  let candidates: Candidate[];
  if (temperature === 0 && !has('no-zero') && !has('no-temperature')) {
    const best = scores.indexOf(Math.max(...scores));
    candidates = scores.map((_, id) => ({ id, p: Number(id === best) }));
  } else {
    const heat = has('no-temperature') || has('temperature-on-probabilities') ? 1 : temperature;
    candidates = softmaxOf(has, scores, heat);
  }
  const order = [...candidates].sort((a, b) => (has('keeps-the-least') ? a.p - b.p : b.p - a.p));
  const k = has('no-top-k')
    ? order.length
    : topK + (has('top-k-one-more') ? 1 : has('top-k-one-fewer') ? -1 : 0);
  const firstK = (list: readonly Candidate[]) => list.slice(0, Math.max(k, 1));
  let ranked: Candidate[];
  if (has('top-p-before-top-k')) ranked = firstK(keptByTopP(has, order, topP));
  else if (has('top-p-before-temperature')) {
    const cold = softmaxOf(has, scores, 1).sort((a, b) => b.p - a.p);
    const ids = new Set(keptByTopP(has, cold, topP).map(({ id }) => id));
    ranked = firstK(order.filter(({ id }) => ids.has(id)));
  } else ranked = keptByTopP(has, normalised(firstK(order)), topP);
  if (has('not-renormalised')) ranked = ranked.map(({ id }) => candidates[id]);
  else if (!has('sum-below-one')) ranked = normalised(ranked);
  const probabilities = scores.map((_, id) => ranked.find((candidate) => candidate.id === id)?.p ?? 0);
  return [probabilities, thrown(has, probabilities, ranked, dice)];
}

function thrown(
  has: (mistake: string) => boolean,
  probabilities: readonly number[],
  ranked: readonly Candidate[],
  dice: number,
) {
  if (has('always-the-best')) return probabilities.indexOf(Math.max(...probabilities));
  const isReached = has('reached-not-passed');
  let walk = probabilities.map((p, id) => ({ id, p })).filter(({ p }) => isReached || p > 0);
  if (has('thrown-by-rank')) walk = [...ranked];
  if (has('thrown-from-behind')) walk.reverse();
  let sum = 0;
  for (const { id, p } of walk) {
    sum += p;
    if (isReached ? sum >= dice : sum > dice) return id;
  }
  return walk[walk.length - 1]?.id ?? -1;
}
