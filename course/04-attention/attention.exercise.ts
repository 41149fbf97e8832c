// One row of attention. The cases hold groups of 3, 2 and 1 queries to a key, a row in the middle of the text, and
// scores so large that e to their power is infinite.

import { ReferenceEngine } from 'smollm2/reference';
import { exercise } from '../exercise.ts';
import { randomArray } from '../random.ts';

interface Heads {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** Random q, keys and values of a text of `length` tokens, seen from position `pos`. */
function row(
  seed: number,
  numHeads: number,
  numKvHeads: number,
  headDim: number,
  length: number,
  pos: number,
  size = 2,
) {
  const heads: Heads = { numHeads, numKvHeads, headDim };
  return [
    randomArray(seed, numHeads * headDim, size),
    randomArray(seed + 1, length * numKvHeads * headDim, size),
    randomArray(seed + 2, length * numKvHeads * headDim),
    heads,
    pos,
  ] as const;
}

export const attention = exercise({
  name: 'attention',
  entry: 'attend',
  chapter: 4,
  folder: '04-attention',
  title: 'Attention: one row of who looks at whom',
  minutes: 20,
  importance: 3,
  digits32: 1e-4, // scores of a hundred in float32 are 1e-5 off, and so are their weights
  cases: [
    { name: 'one head over three tokens', args: row(31, 1, 1, 4, 3, 2) },
    { name: 'two heads with a key each', args: row(34, 2, 2, 4, 4, 3) },
    { name: 'four queries share two keys', args: row(37, 4, 2, 4, 5, 4) },
    { name: 'nine queries share three keys, seen from the middle of the text', args: row(40, 9, 3, 8, 8, 4) },
    { name: 'scores in the thousands', args: row(43, 2, 1, 4, 4, 3, 60) },
  ],
  truth: (q: Float64Array, keys: Float64Array, values: Float64Array, heads: Heads, pos: number) => {
    const reference = new ReferenceEngine();
    const config = { ...heads, numLayers: 1 } as Parameters<typeof reference.kvCache>[0];
    const length = keys.length / heads.numKvHeads / heads.headDim;
    const cache = reference.kvCache(config, length);
    cache.reserve(length);
    cache.keys[0].set(keys);
    cache.values[0].set(values);
    const out = new Float64Array(q.length);
    reference.attend(out, q, 0, [{ begin: 0, count: 1, startPos: pos, cache }]);
    return out;
  },
  variant:
    (has) => (q: Float64Array, keys: Float64Array, values: Float64Array, heads: Heads, pos: number) => {
      const { numHeads, numKvHeads, headDim } = heads;
      const length = keys.length / numKvHeads / headDim;
      const numSeen =
        has('no-mask') || has('mask-of-zeros') ? length : has('not-itself') ? Math.max(pos, 1) : pos + 1;
      const firstSeen = has('only-itself') ? pos : 0;
      const out = new Float64Array(q.length);
      /** Where the key of each position begins for query head h. */
      const placesOf = (h: number) => {
        const group = Math.floor(h / (numHeads / numKvHeads));
        const kvHead = has('heads-in-turn') ? h % numKvHeads : has('first-key-head') ? 0 : group;
        return (p: number) =>
          has('head-by-head') ? (kvHead * length + p) * headDim : (p * numKvHeads + kvHead) * headDim;
      };
      let scale = 1 / Math.sqrt(headDim);
      if (has('no-scale')) scale = 1;
      if (has('scale-without-root')) scale = 1 / headDim;
      if (has('scale-of-all-heads')) scale = 1 / Math.sqrt(numHeads * headDim);
      if (has('times-root')) scale = Math.sqrt(headDim);
      const scoresOf = (h: number) => {
        const at = placesOf(h);
        const scores: number[] = [];
        for (let p = firstSeen; p < numSeen; p++) {
          let score = 0;
          for (let i = 0; i < headDim; i++) score += q[h * headDim + i] * keys[at(p) + i];
          scores.push(has('mask-of-zeros') && p > pos ? 0 : score * scale);
        }
        return scores;
      };
      const allScores = Array.from({ length: numHeads }, (_, h) => scoresOf(h));
      for (const [h, scores] of allScores.entries()) {
        const at = placesOf(h);
        const max = has('no-maximum') ? 0 : Math.max(...scores);
        const raw = scores.map((score) => (has('linear-weights') ? score : Math.exp(score - max)));
        const sum = has('not-normalised') ? 1 : raw.reduce((total, e) => total + e, 0);
        let weights = raw.map((e) => e / sum);
        if (has('sharpest-only')) weights = scores.map((score) => Number(score === Math.max(...scores)));
        const exps = (all: readonly number[]) =>
          all.reduce((total, score) => total + Math.exp(score - max), 0);
        if (has('over-heads')) weights = raw.map((e, n) => e / exps(allScores.map((row) => row[n])));
        if (has('all-heads-at-once')) weights = raw.map((e) => e / exps(allScores.flat()));
        if (has('plain-mean')) weights = scores.map(() => 1 / scores.length);
        const read = has('keys-for-values') ? keys : values;
        for (const [n, weight] of weights.entries()) {
          for (let i = 0; i < headDim; i++) out[h * headDim + i] += weight * read[at(firstSeen + n) + i];
        }
      }
      return out;
    },
  mistakes: {
    'no-scale': {
      nudge: 'look at the scores: they are too large.',
      formula: 'yours: q · k. Meant: q · k / √headDim.',
      line: '- score\n+ score / Math.sqrt(headDim)',
    },
    'scale-without-root': {
      nudge: 'look at what the scores are divided by.',
      formula: 'yours: q · k / headDim. Meant: q · k / √headDim.',
      line: '- score / headDim\n+ score / Math.sqrt(headDim)',
    },
    'scale-of-all-heads': {
      nudge: 'look at what the scores are divided by: the size of one head, or of all?',
      formula: 'yours: q · k / √(numHeads · headDim). Meant: q · k / √headDim.',
      line: '- Math.sqrt(q.length)\n+ Math.sqrt(headDim)',
    },
    'times-root': {
      nudge: 'divide, or multiply?',
      formula: 'yours: q · k · √headDim. Meant: q · k / √headDim.',
      line: '- score * Math.sqrt(headDim)\n+ score / Math.sqrt(headDim)',
    },
    'no-mask': {
      nudge: 'which tokens may this one see? The text may go on after it.',
      formula: 'yours: every position. Meant: positions 0 … pos.',
      line: '- p < length\n+ p <= pos',
    },
    'mask-of-zeros': {
      nudge: 'a score of 0 is not "unseen": e⁰ is 1.',
      formula: 'yours: later positions get score 0, and so a weight. Meant: −∞, or left out.',
      line: '- score = 0\n+ score = -Infinity',
    },
    'not-itself': {
      nudge: 'may a token look at itself?',
      formula: 'yours: positions 0 … pos − 1. Meant: 0 … pos.',
      line: '- p < pos\n+ p <= pos',
    },
    'only-itself': {
      nudge: 'which tokens may this one see?',
      formula: 'yours: only position pos. Meant: positions 0 … pos.',
      line: '- p = pos\n+ p = 0 … pos',
    },
    'heads-in-turn': {
      nudge: 'which queries share a key?',
      formula:
        'yours: query h reads key head h mod numKvHeads. Meant: floor(h / (numHeads / numKvHeads)): 0 0 0 1 1 1 …',
      line: '- h % numKvHeads\n+ Math.floor(h / (numHeads / numKvHeads))',
    },
    'first-key-head': {
      nudge: 'which queries share a key?',
      formula: 'yours: all read key head 0. Meant: floor(h / (numHeads / numKvHeads)).',
      line: '- kvHead = 0\n+ kvHead = Math.floor(h / (numHeads / numKvHeads))',
    },
    'head-by-head': {
      nudge: 'in which order do keys lie in memory?',
      formula: 'yours: [numKvHeads, positions, headDim]. Meant: [positions, numKvHeads, headDim].',
      line: '- (kvHead * length + p) * headDim\n+ (p * numKvHeads + kvHead) * headDim',
    },
    'no-maximum': {
      nudge: 'what is e^1000?',
      formula:
        'yours: e^score. Meant: e^(score − largest score), which is the same ratio and never infinite.',
      line: '- Math.exp(score)\n+ Math.exp(score - max)',
    },
    'linear-weights': {
      nudge: 'how do scores become weights?',
      formula: 'yours: score / Σ score. Meant: e^score / Σ e^score.',
      line: '- score\n+ Math.exp(score - max)',
    },
    'not-normalised': {
      nudge: 'do the weights add up to one?',
      formula: 'yours: e^(score − max). Meant: that over its sum.',
      line: '- weights[p]\n+ weights[p] / sum',
    },
    'over-heads': {
      nudge: 'over what do the weights add up to one?',
      formula: 'yours: over the heads, at each position. Meant: over the positions, in each head.',
      line: '- Σ over heads of e^score\n+ Σ over positions of e^score',
    },
    'all-heads-at-once': {
      nudge: 'over what do the weights add up to one?',
      formula: 'yours: over all heads together. Meant: over the positions, in each head by itself.',
      line: '- Σ over all scores\n+ Σ over the scores of this head',
    },
    'sharpest-only': {
      nudge: 'a token may look at several others.',
      formula: 'yours: the value of the largest score. Meant: all values, by their weights.',
      line: '- values of the largest score\n+ Σ weight · value',
    },
    'plain-mean': {
      nudge: 'the scores are not used.',
      formula: 'yours: the mean of the values. Meant: Σ weight · value.',
      line: '- 1 / numPositions\n+ weights[p]',
    },
    'keys-for-values': {
      nudge: 'look at what is summed.',
      formula: 'yours: Σ weight · key. Meant: Σ weight · value.',
      line: '- weights[p] * keys[…]\n+ weights[p] * values[…]',
    },
  },
  why: [
    'The division by √headDim keeps the scores of long heads from making every softmax a hard choice.',
    'Queries that share a key and a value make the memory of the past three times smaller.',
  ],
});
