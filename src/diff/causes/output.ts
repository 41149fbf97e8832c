// Causes that show in a point's values as a whole: a factor, a cap, a softmax, rows or columns in another
// place; and
// a hook that recorded something else than it says.

import { exp } from '../../base/math.ts';
import { inputsOf, pointOf } from '../../model/points.ts';
import { judge } from '../fit.ts';
import { describeOrder, solveColumns, solveRows } from '../layouts.ts';
import { snapped } from '../solve.ts';
import { followsWithout, type Suspect } from '../suspect.ts';
import type { Variant } from '../variant.ts';
import type { Cause, Hypothesis } from './cause.ts';

/** A change of the suspect's own values. */
function rewritten(suspect: Suspect, output: NonNullable<Variant['output']>, detail: string): Hypothesis {
  return { variant: { applies: (part) => part === suspect.part, output }, detail };
}

/** The factor that brings the expectation nearest to what was observed. */
function scaledOutput(suspect: Suspect): Hypothesis[] {
  const { observed, estimate } = suspect;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < observed.values.length; i++) {
    if (observed.known && !observed.known[i]) continue;
    products += observed.values[i] * estimate.values[i];
    squares += estimate.values[i] ** 2;
  }
  const solved = products / squares;
  if (!Number.isFinite(solved) || Math.abs(solved - 1) < 1e-6 || Math.abs(solved) < 1e-3) return [];
  const factor = snapped(Math.abs(solved), 1e-3) * Math.sign(solved);
  return [...new Set([factor, solved])].map((by) => {
    const scaled = (values: Float64Array) => values.map((value) => value * by);
    return rewritten(suspect, scaled, `every value times ${Number(by.toPrecision(6))}`);
  });
}

/** A factor on the embedding, seen through layers that were not traced. */
function scaledEmbedding({ parts, part, candidate: { config } }: Suspect): Hypothesis[] {
  if (part === 'embed_tokens' || !parts.has('embed_tokens')) return [];
  return [Math.sqrt(config.hiddenSize), 1 / Math.sqrt(config.hiddenSize), 12].map((by) => ({
    variant: {
      applies: (own) => own === 'embed_tokens',
      output: (values) => values.map((value) => value * by),
    },
    detail: `embeddings times ${by.toPrecision(5)}`,
  }));
}

/** The cap of cap · tanh(x / cap), solved on the value that it moved most. */
function softCap(suspect: Suspect): Hypothesis[] {
  const { observed, estimate, judgement } = suspect;
  const [x, y] = [Math.abs(estimate.values[judgement.at]), Math.abs(observed.values[judgement.at])];
  const caps = new Set([30, 50]);
  if (y > 0 && y < x) {
    let [low, high] = [y, 1e6];
    for (let n = 0; n < 80; n++) {
      const middle = Math.sqrt(low * high);
      if (middle * Math.tanh(x / middle) < y) low = middle;
      else high = middle;
    }
    caps.add(low).add(snapped(low, 1e-3));
  }
  return [...caps].map((cap) =>
    rewritten(
      suspect,
      (values) => values.map((value) => cap * Math.tanh(value / cap)),
      `${Number(cap.toPrecision(5))} · tanh(x / ${Number(cap.toPrecision(5))})`,
    ),
  );
}

/** Probabilities, their logarithms, or logits less a number of their row. */
function softmaxed(suspect: Suspect): Hypothesis[] {
  const byRow = (change: (row: Float64Array, t: number) => Float64Array) => {
    return (values: Float64Array, numRows: number) => {
      const size = values.length / numRows;
      const out = new Float64Array(values.length);
      for (let t = 0; t < numRows; t++)
        out.set(change(values.subarray(t * size, (t + 1) * size), t), t * size);
      return out;
    };
  };
  const largest = (row: Float64Array) => row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sumOf = (row: Float64Array, max: number) => row.reduce((sum, x) => sum + exp(x - max), 0);
  const size = suspect.observed.values.length / suspect.numRows;
  const shift = (t: number) => {
    let sum = 0;
    for (let i = t * size; i < (t + 1) * size; i++) {
      sum += suspect.observed.values[i] - suspect.estimate.values[i];
    }
    return sum / size;
  };
  return [
    rewritten(
      suspect,
      byRow((row) => {
        const max = largest(row);
        const sum = sumOf(row, max);
        return row.map((x) => exp(x - max) / sum);
      }),
      'probabilities instead of logits',
    ),
    rewritten(
      suspect,
      byRow((row) => {
        const max = largest(row);
        const log = max + Math.log(sumOf(row, max));
        return row.map((x) => x - log);
      }),
      'log-probabilities instead of logits',
    ),
    rewritten(
      suspect,
      byRow((row, t) => {
        const by = shift(t);
        return row.map((x) => x + by);
      }),
      'a number added to every logit of a row (it changes no probability)',
    ),
  ];
}

/** Rows or columns in another place, read off the values. */
function movedHypotheses(suspect: Suspect): Hypothesis[] {
  const { observed, estimate, numRows, part } = suspect;
  if (part === 'self_attn.attn_probs' || observed.values.length === 0) return [];
  const size = observed.values.length / numRows;
  const rows = solveRows(observed, estimate, numRows);
  const columns = rows ? undefined : solveColumns(observed, estimate, numRows);
  const hypotheses: Hypothesis[] = [];
  if (rows) {
    const moved = (values: Float64Array) =>
      values.map((_, i) => values[rows[Math.floor(i / size)] * size + (i % size)]);
    hypotheses.push(rewritten(suspect, moved, describeOrder(rows, 'token rows')));
  }
  if (columns) {
    const moved = (values: Float64Array) => values.map((_, i) => values[i - (i % size) + columns[i % size]]);
    hypotheses.push(rewritten(suspect, moved, describeOrder(columns, 'columns')));
  }
  return hypotheses;
}

/** Ids one too high or too low, or all the same: the wrong rows of the table. */
function embeddingRows(suspect: Suspect): Hypothesis[] {
  const shifted = (by: number): Hypothesis => ({
    variant: { ids: (ids) => ids.map((id) => id + by) },
    detail: `row id ${by > 0 ? '+' : '-'} ${Math.abs(by)} of the table`,
  });
  const previous: Hypothesis = {
    variant: { ids: (ids) => ids.map((_, t) => ids[Math.max(0, t - 1)]) },
    detail: 'the row of the token before',
  };
  return suspect.parts.has('embed_tokens')
    ? [shifted(1), shifted(-1), previous, shifted(2), shifted(-2)]
    : [];
}

/**
 * Another point of the same size whose values stand under this name, while what follows reads the right ones: the
 * hook is wrong, not the program.
 */
async function recordedElsewhere(suspect: Suspect) {
  const { candidate, name, observed } = suspect;
  if (suspect.far || observed.known) return undefined;
  const { numLayers } = candidate.config;
  const rule = pointOf(suspect.part)?.rule;
  // A norm or a branch that reads the wrong stream is another matter.
  if (rule === 'embed' || suspect.part === 'lm_head') return undefined;
  for (const [other, point] of candidate.points) {
    if (other === name || point.known || point.values.length !== observed.values.length) continue;
    if (!point.values.every((value, i) => value === observed.values[i])) continue;
    const readers = [...candidate.points.keys()].filter((reader) =>
      inputsOf(reader, numLayers).includes(name),
    );
    for (const reader of readers) {
      if (!(await followsWithout(suspect, reader, name))) return undefined;
    }
    if (readers.length === 0) return undefined;
    return {
      fit: 1,
      leaves: 0,
      detail: `it holds the values of ${other}, and ${readers[0]} reads the right ones`,
    };
  }
  return undefined;
}

/** Another matrix makes (nearly) every logit wrong, and leaves little of their order: a guess, never a name. */
async function otherHead({ observed, estimate, candidate }: Suspect) {
  if (!candidate.config.tiedEmbeddings) return undefined;
  const { leaves, share, likeness } = likenessOf(observed.values, estimate.values, judge(observed, estimate));
  const isOther = likeness < 0.99 && share > 0.9;
  return isOther ? { fit: 0.5, leaves, detail: 'nearly every logit is off, and not by a factor' } : undefined;
}

function likenessOf(
  a: Float64Array,
  b: Float64Array,
  { numOver, numKnown, worst }: ReturnType<typeof judge>,
) {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    xy += a[i] * b[i];
    xx += b[i] * b[i];
    yy += a[i] * a[i];
  }
  return { leaves: worst, share: numOver / numKnown, likeness: xy / Math.sqrt(xx * yy) };
}

export const OUTPUT_CAUSES: readonly Cause[] = [
  {
    id: 'scaled-output',
    summary: 'a constant factor',
    advice: 'no embedding, logit or residual multiplier belongs to this architecture',
    parts: ['*'],
    hypotheses: (suspect) => [...scaledOutput(suspect), ...scaledEmbedding(suspect)],
  },
  {
    id: 'soft-cap',
    summary: 'a soft cap',
    advice: 'SmolLM2 has none (Gemma 2 has: cap · tanh(x / cap))',
    parts: ['lm_head'],
    hypotheses: softCap,
  },
  {
    id: 'logits-softmax',
    summary: 'logits that went through a softmax or were shifted',
    advice: 'dump what lm_head gives, before any softmax',
    parts: ['lm_head'],
    hypotheses: softmaxed,
  },
  {
    id: 'embedding-row',
    summary: 'the wrong rows of the embedding table',
    advice: 'row id of the table, counted from 0',
    parts: ['embed_tokens'],
    needsWeights: true,
    hypotheses: embeddingRows,
  },
  {
    id: 'recorded-elsewhere',
    summary: 'a dump that shows another point under this name; the program itself goes on rightly',
    advice: 'hook the output of the module, not its input',
    parts: ['*'],
    near: true,
    test: recordedElsewhere,
  },
];

/** Explanations that say less than the others: they come last. */
export const GENERAL_CAUSES: readonly Cause[] = [
  {
    id: 'moved-values',
    summary: 'the right numbers in the wrong place',
    advice: 'look at how the tensor is reshaped, transposed or indexed',
    parts: ['*'],
    hypotheses: movedHypotheses,
  },
  {
    id: 'untied-head',
    summary: 'logits from a matrix of their own where the embedding table should make them',
    advice: 'tie_word_embeddings is true: lm_head is model.embed_tokens.weight',
    parts: ['lm_head'],
    test: otherHead,
  },
];
