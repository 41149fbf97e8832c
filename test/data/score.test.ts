import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { denseFeatures, ngramFeatures } from '../../src/data/score/features.ts';
import { judgedScore } from '../../src/data/score/judge.ts';
import { decision, fitLinear } from '../../src/data/score/linear.ts';
import { rowSpace } from '../../src/data/score/row-space.ts';
import {
  checkProbe,
  decodeScorer,
  encodeScorer,
  type HiddenScorer,
  type NgramScorer,
  scoreHidden,
  scoreText,
} from '../../src/data/score/scorer-file.ts';
import { scoreStage } from '../../src/data/score/stage.ts';
import { standardised } from '../../src/data/score/standardise.ts';
import { trainHiddenScorer, trainScorer } from '../../src/data/score/train.ts';
import {
  areaUnderCurve,
  atThreshold,
  calibration,
  confusion,
  intScore,
} from '../../src/data/score/validate.ts';
import { checkedOptions, type Stage } from '../../src/data/stage.ts';

const NGRAMS = { minLength: 2, maxLength: 3, bits: 10 };
const TEXTS = Array.from({ length: 40 }, (_, i) => ({
  text:
    i % 2 ? `step ${i}: add the numbers and divide by ${i}` : `buy now ${i}!!! click here for ${i} offers`,
  label: i % 2,
}));

describe('rowSpace', () => {
  const long = [...TEXTS, TEXTS[0], { text: '', label: 1 }].map(({ text }) => ngramFeatures(text, NGRAMS));
  const labels = [...TEXTS.map(({ label }) => label), 0, 1];
  const space = rowSpace(long, 1024);

  it('keeps lengths and angles, with a row that comes twice and one of nothing', () => {
    const product = (a: (typeof long)[0], b: (typeof long)[0]) => {
      const dense = new Float64Array(1024);
      a.indices.forEach((place, k) => {
        dense[place] = a.values[k];
      });
      return b.indices.reduce((sum, place, k) => sum + dense[place] * b.values[k], 0);
    };
    // A pivot below 1e-10 is left out: products are right to its root.
    for (let i = 0; i < long.length; i += 5) {
      for (let j = 0; j < long.length; j++) {
        const kept = product(space.rows[i], space.rows[j]);
        expect(Math.abs(kept - product(long[i], long[j]))).toBeLessThan(1e-5);
      }
    }
  });

  it.each(['ridge', 'logistic'] as const)('%s comes to the answer of the long rows', (loss) => {
    const options = { loss, penalty: 0.1 };
    const direct = fitLinear(long, labels, { ...options, numFeatures: 1024 });
    const back = space.back(fitLinear(space.rows, labels, { ...options, numFeatures: long.length }));
    for (const row of long) {
      // Both stop where the gradient is 1e-4 of the first.
      expect(Math.abs(decision(back, row) - decision(direct, row))).toBeLessThan(5e-3);
    }
  });
});

describe('ngramFeatures', () => {
  it('is a row of length 1 with places in order, the same for other cases and spaces', () => {
    const row = ngramFeatures('Add  the\nnumbers');
    expect(row.values.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 12);
    expect([...row.indices]).toEqual([...row.indices].sort((a, b) => a - b));
    expect(ngramFeatures('add THE numbers')).toEqual(row);
    expect(ngramFeatures('add the number')).not.toEqual(row);
  });
});

describe('fitLinear', () => {
  const rows = [
    [1, 0],
    [2, 1],
    [3, -1],
    [0, 2],
    [-1, 1],
  ].map((values) => denseFeatures(values));

  it('ridge solves the normal equations', () => {
    const labels = rows.map(({ values: [x, y] }) => 3 * x - 2 * y + 1);
    const { weights, bias } = fitLinear(rows, labels, { loss: 'ridge', penalty: 1e-6, numFeatures: 2 });
    for (const [i, wanted] of [3, -2, 1].entries()) expect([...weights, bias][i]).toBeCloseTo(wanted, 2);
  });

  it.each(['ridge', 'logistic'] as const)('%s: the derivative of the loss is 0 at the answer', (loss) => {
    const labels = [0, 1, 1, 0, 1];
    const penalty = 0.3;
    const model = fitLinear(rows, labels, { loss, penalty, numFeatures: 2 });
    const total = (change: number[]) => {
      const changed = {
        ...model,
        weights: model.weights.map((w, i) => w + change[i]),
        bias: model.bias + change[2],
      };
      const cost = rows.reduce((sum, row, t) => {
        const value = decision(changed, row);
        return (
          sum +
          (loss === 'ridge' ? (value - labels[t]) ** 2 / 2 : Math.log1p(Math.exp(labels[t] ? -value : value)))
        );
      }, 0);
      return cost + (penalty / 2) * changed.weights.reduce((sum, w) => sum + w * w, 0);
    };
    const step = 1e-4;
    for (let i = 0; i < 3; i++) {
      const along = [0, 0, 0].map((_, j) => (i === j ? step : 0));
      const slope = (total(along) - total(along.map((x) => -x))) / (2 * step);
      // Newton stops at 1e-4 of the first gradient, which is below 5 here.
      expect(Math.abs(slope)).toBeLessThan(1e-3);
    }
  });

  it('refuses labels that do not fit', () => {
    expect(() => fitLinear(rows, [1], { loss: 'ridge', penalty: 1, numFeatures: 2 })).toThrow(
      'labels: expected one',
    );
    expect(() => fitLinear(rows, [1, 0, 1, 0, 1], { loss: 'ridge', penalty: 0, numFeatures: 2 })).toThrow(
      RangeError,
    );
  });
});

describe('measures', () => {
  it('area under the curve counts pairs, ties half', () => {
    expect(areaUnderCurve([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBe(0.75);
    expect(areaUnderCurve([1, 1, 1], [true, false, true])).toBe(0.5);
  });

  it('rounds halves to even, as Python does', () => {
    expect([0.5, 1.5, 2.5, 3.49, 4.5, 7, -1].map(intScore)).toEqual([0, 2, 2, 3, 4, 5, 0]);
  });

  it('thresholds, confusion and calibration add up', () => {
    const [scores, labels] = [
      [0.2, 3.6, 2.9, 4.4],
      [0, 3, 3, 5],
    ];
    expect(atThreshold(scores, labels, 3)).toMatchObject({
      truePositives: 2,
      falseNegatives: 1,
      trueNegatives: 1,
      kept: 0.5,
    });
    expect(atThreshold(scores, labels, 3).macroF1).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
    expect(confusion(scores, labels)[3]).toEqual([0, 0, 0, 1, 1, 0]);
    expect(calibration(scores, labels, 2)).toMatchObject([
      { meanScore: 1.55, meanLabel: 1.5 },
      { meanLabel: 4 },
    ]);
  });
});

describe('judgedScore', () => {
  it.each([
    ['Because …\nFinal score: 4', 4],
    ['**Educational score: 3**', 3],
    ['Final score: 2 … so Final score: 2', 2],
    ['Final score: 2, or Final score: 3', null],
    ['Final score: 9', null],
    ['four points', null],
  ])('%s', (answer, score) => expect(judgedScore(answer)).toBe(score));
});

describe('a trained scorer', () => {
  const { scorer, report } = trainScorer(TEXTS, { ngrams: NGRAMS });

  it('tells apart what it was shown, and says how well', () => {
    expect(report).toMatchObject({ loss: 'logistic', numTexts: 40, confusion: null });
    expect(report.tried.every(({ areaUnderCurve: area }) => area === 1)).toBe(true);
    expect(scoreText(scorer, 'add the numbers')).toBeGreaterThan(0.5);
    expect(scoreText(scorer, 'click here now!!!')).toBeLessThan(0.5);
  });

  it('scores of 0 to 5 are learnt by ridge regression', () => {
    const graded = TEXTS.map(({ text, label }) => ({ text, label: label * 4 }));
    const { report: other } = trainScorer(graded, { ngrams: NGRAMS });
    expect(other.loss).toBe('ridge');
    expect(other.confusion?.[4][4]).toBe(20);
    // 3.98 is rounded before it is compared.
    expect(other.thresholds.find(({ threshold }) => threshold === 4)?.macroF1).toBe(1);
  });

  it('is the same from its file, and other files are refused', () => {
    const file = encodeScorer(scorer);
    expect(scoreText(decodeScorer(file, 'a') as NgramScorer, TEXTS[0].text)).toBeCloseTo(
      scoreText(scorer, TEXTS[0].text),
      5,
    );
    for (const broken of [
      '',
      '{}',
      'null',
      file.replace('"bits":10', '"bits":30'),
      file.replace('"weights":"', '"weights":"AA'),
    ])
      expect(() => decodeScorer(broken, 'a')).toThrow(FormatError);
  });

  it('as a stage adds scores and removes below its threshold', async () => {
    const resources = { readBytes: async () => new TextEncoder().encode(encodeScorer(scorer)) };
    const stage = (await scoreStage.create(
      checkedOptions(scoreStage, { scorer: 'a', min: 0.5 }),
      resources,
    )) as Stage;
    expect(stage.apply({ id: 'x', text: TEXTS[0].text, metadata: {} })).toMatchObject({
      removed: 'low_score',
    });
    expect(stage.apply({ id: 'x', text: TEXTS[1].text, metadata: {} })).toHaveProperty(
      'metadata.int_score',
      1,
    );
  });
});

describe('a scorer on hidden states', () => {
  /** Layer 1 says nothing of the label, layer 2 does, in one place among others a thousand times as large. */
  const draw = (i: number, place: number) => Math.sin(12.9898 * i + 78.233 * place) * 1000;
  const labels = Array.from({ length: 60 }, (_, i) => i % 2);
  const probe = [1, 2, 3];
  const layers = [1, 2].map((layer) => ({
    modelName: 'made',
    layer,
    numIds: 8,
    probe,
    means: labels.map((label, i) => [draw(i, layer), draw(i, layer + 5), layer === 2 ? label : 0]),
  }));
  const { scorer, report } = trainHiddenScorer(layers, labels, { penalties: [0.1, 1] });

  it('takes the layer that tells the labels apart, and tells what it tried', () => {
    expect(report.features).toBe('layer 2');
    expect(report.tried).toHaveLength(4);
    expect(report.tried.find(({ features }) => features === 'layer 1')?.areaUnderCurve).toBeLessThan(0.75);
    expect(report.tried.find(({ features }) => features === 'layer 2')?.areaUnderCurve).toBe(1);
    for (const [i, label] of labels.entries())
      expect(scoreHidden(scorer, layers[1].means[i]) > 0.5).toBe(label === 1);
  });

  it('is the same from its file; another model is known by the probe', () => {
    const file = encodeScorer(scorer);
    const back = decodeScorer(file, 'a') as HiddenScorer;
    expect(back.hidden).toEqual({ ...scorer.hidden, probe: Float64Array.from(probe) });
    expect(scoreHidden(back, layers[1].means[3])).toBeCloseTo(scoreHidden(scorer, layers[1].means[3]), 5);
    checkProbe(back, [1.1, 2, 3], 'a');
    for (const wrong of [[-1, 2, 3], [1, 2], []])
      expect(() => checkProbe(back, wrong, 'a')).toThrow(FormatError);
    for (const broken of [
      file.replace('"layer":2', '"layer":"2"'),
      file.replace(/"probe":"[^"]*"/, '"probe":"AA"'),
      file.replace(/"probe":"[^"]*"/, '"probe":7'),
      file.replace('"weights":"', '"weights":"AAAA'),
      file.replace('"hidden":{', '"hidden":null,"other":{'),
    ])
      expect(() => decodeScorer(broken, 'a')).toThrow(FormatError);
  });

  it('is refused as a stage, which has no model', async () => {
    const resources = { readBytes: async () => new TextEncoder().encode(encodeScorer(scorer)) };
    const options = checkedOptions(scoreStage, { scorer: 'a' });
    await expect(async () => scoreStage.create(options, resources)).rejects.toThrow('score apply');
  });

  it('standardises: mean 0, deviation 1, a place that never changes 0; and back', () => {
    const { rows, back } = standardised([
      [1, 5],
      [3, 5],
    ]);
    expect(rows.map((row) => [...row])).toEqual([
      [-1, 0],
      [1, 0],
    ]);
    const model = back({ loss: 'ridge', weights: Float64Array.of(2, 7), bias: 1 });
    expect(decision(model, denseFeatures([3, 5]))).toBe(3);
  });
});
