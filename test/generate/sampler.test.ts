import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import { exactlyTopP, kthSmallest, topP } from '../../src/generate/filters.ts';
import { distribution, type SamplingOptions, sample } from '../../src/generate/sampler.ts';

interface GoldenCase {
  params: Record<string, number>;
  order: string[];
  kept: number[];
  probs_of_kept: number[];
}

const golden = JSON.parse(
  readFileSync(new URL('../golden/sampling/distributions.json', import.meta.url), 'utf8'),
) as { vectors: { name: string; logits: number[]; previous_ids: number[]; cases: GoldenCase[] }[] };

const OPTION_NAMES: Record<string, keyof SamplingOptions> = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  typical_p: 'typicalP',
  repetition_penalty: 'repetitionPenalty',
  no_repeat_ngram_size: 'noRepeatNgramSize',
};

const noHistory = { ids: [], promptLength: 0 };
const logitsOf = (...values: number[]) => Float64Array.from(values);

describe('top-p', () => {
  it('keeps what its definition keeps, with ties, flat and steep, at every p', { tags: ['slow'] }, () => {
    const rng = Rng.fromSeed(11);
    for (let n = 0; n < 400; n++) {
      const size = 1 + Math.floor(rng.next() ** 3 * 6000);
      const scale = 40 * rng.next() ** 2;
      // A coarse grid has many equal logits, none at all makes ends of sums meet p.
      const grid = n % 3 === 0 ? 4 : 1e6;
      const drawn = Array.from({ length: size }, () => Math.round(-scale * rng.next() * grid) / grid);
      const max = Math.max(...drawn);
      const logits = Float64Array.from(drawn, (value) => value - max);
      const candidates = { ids: Int32Array.from(logits.keys()), logits };
      for (const p of [Number.MIN_VALUE, 0.1, 0.5, 0.9, 0.999, 1 - 1e-12, 1 / size]) {
        if (p < 1) expect(topP(candidates, p)).toEqual(exactlyTopP(candidates, p));
      }
    }
  });
});

describe('distribution equals HF transformers', () => {
  const cases = golden.vectors.flatMap(({ name, logits, previous_ids, cases }) =>
    cases.map((c) => ({ title: `${name} ${JSON.stringify(c.params)}`, logits, previous_ids, ...c })),
  );

  it('reads all 160 cases', () => expect(cases).toHaveLength(160));

  it.each(cases)('$title', ({ logits, previous_ids, params, kept, probs_of_kept }) => {
    const options = Object.fromEntries(Object.entries(params).map(([k, v]) => [OPTION_NAMES[k], v]));
    const history = { ids: previous_ids, promptLength: previous_ids.length };
    const { ids, probs } = distribution(Float64Array.from(logits), options, history);
    expect([...ids]).toEqual(kept);
    const worst = Math.max(...probs_of_kept.map((p, i) => Math.abs(p - probs[i])));
    expect(worst).toBeLessThanOrEqual(1e-12);
  });
});

describe('sample', () => {
  const rng = Rng.fromSeed(1);

  it('takes the smallest id of equals at temperature 0', () => {
    expect(sample(logitsOf(1, 5, 5, 2), {}, noHistory, rng)).toBe(1);
  });

  it('applies penalties and bias at temperature 0 as well', () => {
    const history = { ids: [1], promptLength: 0 };
    expect(sample(logitsOf(4, 5, 3), { repetitionPenalty: 2 }, history, rng)).toBe(0);
    expect(sample(logitsOf(4, 5, 3), { logitBias: new Map([[2, 3]]) }, history, rng)).toBe(2);
    expect(sample(logitsOf(4, 5, 3), { presencePenalty: 1.5 }, history, rng)).toBe(0);
  });

  it('counts frequency and presence in the answer only, and frequency once per occurrence', () => {
    const history = { ids: [0, 0, 0, 1, 1], promptLength: 3 };
    const options = { frequencyPenalty: 0.5, presencePenalty: 0.25, temperature: 1 };
    const { probs } = distribution(logitsOf(0, 0), options, history);
    expect(Math.log(probs[0] / probs[1])).toBeCloseTo(2 * 0.5 + 0.25, 14);
  });

  it('adds the bias after the penalties: a bias of 2 stays 2 under a repetition penalty of 10', () => {
    const options = { repetitionPenalty: 10, logitBias: new Map([[0, 2]]), temperature: 1 };
    const { probs } = distribution(logitsOf(1, 0.1), options, { ids: [0], promptLength: 1 });
    expect(Math.log(probs[0] / probs[1])).toBeCloseTo(2, 14);
  });

  it('never draws an id with a bias of -Infinity, and says so when nothing is left', () => {
    const forbidden = new Map([[0, -Infinity]]);
    expect([
      ...distribution(logitsOf(9, 1, 1), { logitBias: forbidden, temperature: 1 }, noHistory).ids,
    ]).toEqual([1, 2]);
    expect(() => sample(logitsOf(3), { logitBias: forbidden }, noHistory, rng)).toThrow(/-Infinity for all/);
  });

  it('names the id of a logit that is NaN or Infinity', () => {
    expect(() => sample(logitsOf(0, Number.NaN), {}, noHistory, rng)).toThrow(/NaN for id 1/);
    expect(() => sample(logitsOf(0, Infinity), { temperature: 1 }, noHistory, rng)).toThrow(
      /Infinity for id 1/,
    );
  });

  // 20,000 draws: the share of an id has a deviation of sqrt(p (1 - p) / n) <= 0.0036; 5 of them are allowed.
  it('draws 20,000 times as often as the distribution says, within 5 deviations', { tags: ['slow'] }, () => {
    const logits = logitsOf(1, 2, 0, -1, 1.5);
    const options = { temperature: 0.9, topP: 0.98 };
    const { ids, probs } = distribution(logits, options, noHistory);
    const stream = Rng.fromSeed(99);
    const counts = new Map<number, number>();
    for (let n = 0; n < 20_000; n++) {
      const id = sample(logits, options, noHistory, stream);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([...ids]);
    ids.forEach((id, i) => {
      const deviation = Math.sqrt((probs[i] * (1 - probs[i])) / 20_000);
      expect(Math.abs((counts.get(id) ?? 0) / 20_000 - probs[i])).toBeLessThan(5 * deviation);
    });
  });

  it('draws one sequence for one seed, and leaves the logits as they are', { tags: ['slow'] }, () => {
    const logits = Float32Array.from({ length: 5000 }, (_, i) => Math.fround(((i * 7919) % 613) / 60));
    const before = logits.slice();
    const options = {
      temperature: 0.8,
      topK: 300,
      topP: 0.95,
      minP: 0.01,
      typicalP: 0.9,
      repetitionPenalty: 1.1,
    };
    const draw = () => {
      const stream = Rng.fromSeed(2 ** 40 + 3);
      return Array.from({ length: 20 }, () =>
        sample(logits, options, { ids: [4, 612], promptLength: 1 }, stream),
      );
    };
    expect(draw()).toEqual(draw());
    expect(logits).toEqual(before);
  });

  it('stays a distribution at temperature 1e-300 and 1e300', () => {
    expect([...distribution(logitsOf(1, 2, 2), { temperature: 1e-300 }, noHistory).probs]).toEqual([
      0.5, 0.5,
    ]);
    const flat = distribution(logitsOf(1, 2, 3, 4), { temperature: 1e300 }, noHistory);
    expect([...flat.probs]).toEqual([0.25, 0.25, 0.25, 0.25]);
  });
});

describe('top-p over large vocabularies', () => {
  it('keeps the same set as sorting everything, for 100 random vectors of up to 3,000 logits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -200, max: 200 }), { minLength: 1, maxLength: 3000 }),
        fc.double({ min: 0.01, max: 0.999, noNaN: true }),
        (tenths, p) => {
          const logits = Float64Array.from(tenths, (x) => x / 40);
          const all = distribution(logits, { temperature: 1 }, noHistory);
          const order = [...all.ids].sort((a, b) => logits[b] - logits[a] || a - b);
          let sum = 0;
          const expected = order.filter((id) => {
            const isKept = sum < p;
            sum += all.probs[id];
            return isKept;
          });
          const got = distribution(logits, { temperature: 1, topP: p }, noHistory);
          expect([...got.ids]).toEqual(expected.sort((a, b) => a - b));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a sum that reaches its threshold exactly', () => {
  it('is enough: of two equals, top-p and typical-p 0.5 keep what reaches 0.5', () => {
    expect([...distribution(logitsOf(3, 3), { topP: 0.5 }, noHistory).ids]).toEqual([0]);
    expect([...distribution(logitsOf(3, 3, -900), { typicalP: 0.5 }, noHistory).ids]).toEqual([0, 1]); // a tie
  });
});

describe('kthSmallest', () => {
  it('equals the k-th of the sorted values, ties and all', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1 }), fc.nat(), (values, n) => {
        const k = (n % values.length) + 1;
        const sorted = [...values].sort((a, b) => a - b);
        expect(kthSmallest(Float64Array.from(values), k)).toBe(sorted[k - 1]);
      }),
    );
  });
});
