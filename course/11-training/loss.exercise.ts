// The loss of a text: each row of logits judged by the token that came next.

import { rowLoss } from 'smollm2/reference';
import { exercise, help } from '../exercise.ts';
import { randomArray } from '../random.ts';

type Args = readonly [logits: Float64Array, ids: number[]];

export const loss = exercise({
  name: 'loss',
  chapter: 11,
  folder: '11-training',
  title: 'The loss: how surprised the model was',
  minutes: 10,
  importance: 3,
  cases: [
    {
      name: 'two tokens of a vocabulary of three',
      args: [Float64Array.from([1, 2, 0, 0.5, -1, 3]), [2, 0]] as Args,
    },
    { name: 'four tokens', args: [randomArray(101, 4 * 6, 3), [5, 2, 0, 3]] as Args },
    { name: 'nine tokens', args: [randomArray(102, 9 * 12, 5), [1, 11, 7, 7, 0, 4, 9, 2, 6]] as Args },
    { name: 'logits of a thousand', args: [randomArray(103, 3 * 4, 1000), [1, 0, 3]] as Args },
    {
      name: 'very sure and wrong',
      args: [Float64Array.from([9, 0, 0, 0, 9, 0, 0, 0, 9]), [0, 1, 0]] as Args,
    },
  ],
  truth: (logits: Float64Array, ids: number[]) => {
    const vocabSize = logits.length / ids.length;
    let sum = 0;
    for (let t = 0; t + 1 < ids.length; t++) {
      sum += rowLoss(logits.slice(t * vocabSize, (t + 1) * vocabSize), ids[t + 1]).loss;
    }
    return sum / (ids.length - 1);
  },
  variant: (has) => (logits: Float64Array, ids: number[]) => {
    const vocabSize = logits.length / ids.length;
    const rows = Array.from(ids, (_, t) => Array.from(logits.slice(t * vocabSize, (t + 1) * vocabSize)));
    const labelOf = (t: number) =>
      has('not-shifted') || has('own-token')
        ? ids[t]
        : has('shifted-back')
          ? ids[Math.max(t - 1, 0)]
          : ids[t + 1];
    const last = has('wraps-round') || has('not-shifted') ? ids.length : ids.length - 1;
    const losses: number[] = [];
    for (let t = has('shifted-back') ? 1 : 0; t < (has('shifted-back') ? ids.length : last); t++) {
      const label = labelOf(t) ?? ids[0];
      const row = rows[has('row-after') ? t + 1 : has('row-before') ? Math.max(t - 1, 0) : t];
      const max = has('no-maximum') ? 0 : Math.max(...row);
      const raw = row.map((logit) => Math.exp(logit - max));
      const summed = has('all-rows-at-once') ? Array.from(logits, (logit) => Math.exp(logit - max)) : raw;
      const sum = summed.reduce((a, b) => a + b, 0);
      const logSum = Math.log(sum) + max;
      if (has('logit-only')) losses.push(-row[label]);
      else if (has('one-minus-p')) losses.push(1 - raw[label] / sum);
      else if (has('all-labels'))
        losses.push(row.reduce((total, logit) => total + logSum - logit, 0) / vocabSize);
      else if (has('entropy'))
        losses.push(row.reduce((total, logit, i) => total + (raw[i] / sum) * (logSum - logit), 0));
      else losses.push(logSum - row[label]);
    }
    const total = losses.reduce((a, b) => a + b, 0);
    let mean = total / losses.length;
    if (has('sum')) mean = total;
    if (has('divided-by-all')) mean = total / ids.length;
    if (has('divided-by-vocabulary')) mean = total / losses.length / vocabSize;
    if (has('mean-of-probabilities')) {
      mean = -Math.log(losses.reduce((a, b) => a + Math.exp(-b), 0) / losses.length);
    }
    if (has('last-only')) mean = losses[losses.length - 1];
    if (has('bits')) mean /= Math.LN2;
    if (has('perplexity')) mean = Math.exp(mean);
    return has('no-minus') ? -mean : mean;
  },
  mistakes: {
    'own-token': help(
      'which token does a row guess?',
      'yours: the token of its own row, and the last row left out. Meant: the next one.',
      'ids[t]',
      'ids[t + 1]',
    ),
    'row-after': help(
      'which row guesses a token?',
      'yours: the row of the token itself, which has already read it. Meant: the row before.',
      'rows[t + 1] and ids[t + 1]',
      'rows[t] and ids[t + 1]',
    ),
    'row-before': help(
      'which row guesses a token?',
      'yours: the one two before it. Meant: the row of the token just before it.',
      'rows[t - 1] and ids[t + 1]',
      'rows[t] and ids[t + 1]',
    ),
    'all-rows-at-once': help(
      'over what do the probabilities add up to one?',
      'yours: over all rows together. Meant: over the vocabulary, in each row by itself.',
      'Σ over all logits',
      'Σ over the logits of row t',
    ),
    'mean-of-probabilities': help(
      'first the logarithm, or first the mean?',
      'yours: −ln of the mean of p. Meant: the mean of −ln p.',
      '-Math.log(mean(p))',
      'mean(-Math.log(p))',
    ),
    'not-shifted': help(
      'which token does a row guess?',
      'yours: the token of its own row. Meant: the next one.',
      'ids[t]',
      'ids[t + 1]',
    ),
    'shifted-back': help(
      'which token does a row guess?',
      'yours: the one before. Meant: the next one.',
      'ids[t - 1]',
      'ids[t + 1]',
    ),
    'wraps-round': help(
      'what does the last row guess?',
      'yours: the first token. Meant: nothing is known after the end, so it does not count.',
      't < ids.length',
      't + 1 < ids.length',
    ),
    'no-minus': help(
      'look at the sign.',
      'yours: ln p, below zero. Meant: −ln p.',
      'logit - logSum',
      'logSum - logit',
    ),
    'no-maximum': help(
      'what is e^1000, and what ln(e^−1000)?',
      'yours: e^logit is infinite, or e^(logit − max) is 0 and then its ln. Meant: max + ln Σ e^(logit − max) − logit.',
      'Math.log(sum of Math.exp(logit))',
      'max + Math.log(sum of Math.exp(logit - max))',
    ),
    'logit-only': help(
      'a logit is no logarithm of a probability.',
      'yours: −logit. Meant: ln Σ e^logits − logit.',
      '-row[label]',
      'logSum - row[label]',
    ),
    'one-minus-p': help('how is surprise measured?', 'yours: 1 − p. Meant: −ln p.', '1 - p', '-Math.log(p)'),
    'all-labels': help(
      'which token counts?',
      'yours: all of the vocabulary. Meant: only the one that came.',
      'Σ over ids',
      'the label',
    ),
    entropy: help(
      'surprise at what came, or at what was expected?',
      'yours: Σ p · −ln p. Meant: −ln p of the token that came.',
      'Σ p * -ln p',
      '-ln p[label]',
    ),
    sum: help(
      'a sum, or a mean?',
      'yours: the sum. Meant: the mean over the rows that guess.',
      'total',
      'total / (ids.length - 1)',
    ),
    'divided-by-all': help(
      'by how many is the sum divided?',
      'yours: ids.length. Meant: ids.length − 1: the last row guesses nothing that is known.',
      'total / ids.length',
      'total / (ids.length - 1)',
    ),
    'divided-by-vocabulary': help(
      'by how many is the sum divided?',
      'yours: by the vocabulary too.',
      'total / vocabSize',
      'total / (ids.length - 1)',
    ),
    'last-only': help(
      'which rows count?',
      'yours: the last. Meant: the mean of all that guess.',
      'losses.at(-1)',
      'mean(losses)',
    ),
    bits: help('in which unit?', 'yours: bits (log2). Meant: nats (ln).', 'Math.log2(p)', 'Math.log(p)'),
    perplexity: help(
      'the loss, or e to its power?',
      'yours: e^loss, the perplexity. Meant: the loss.',
      'Math.exp(mean)',
      'mean',
    ),
  },
  why: [
    'One text of n tokens is n − 1 examples: that is why reading is such good schooling.',
    'A model that knows nothing loses ln(vocabulary size): the first number to look at in any training run.',
  ],
});
