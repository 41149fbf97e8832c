// One picture for each chapter, from the numbers that were measured and from arithmetic that stands here.

import { clocks, dotted, fan, river, stacked, steps, tiles } from './drawn.ts';
import { arcs, type Bar, bars } from './picture.ts';

type Series = Readonly<Record<string, readonly (number | string)[]>>;

const percent = (p: number) => `${(100 * p).toFixed(1)} %`;
const plain = (digits: number) => (value: number) => value.toFixed(digits).replace('-', '−');

function rows(
  labels: readonly (string | number)[],
  values: readonly number[],
  show: (value: number) => string,
): Bar[] {
  return values.map((value, i) => ({ label: String(labels[i]), value, shown: show(value) }));
}

/** RoPE of the 135M: numbers of a head, and the base of its speeds. */
const [HEAD_DIM, THETA] = [64, 100_000];

/** Pictures by the chapter's folder. */
export function pictures(series: Series): Record<string, string> {
  const numbers = (name: string) => series[name].map(Number);
  const words = (name: string) => series[name].map(String);
  const lens = numbers('lens').slice(-8);
  const likeness = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9];
  return {
    '00-start': bars(
      'What comes after "The capital of France is"',
      rows(words('topWords'), numbers('top'), percent),
    ),
    '01-tokens': tiles(
      'Four texts as tokens',
      words('tokenTexts').map((text) => text.split('|')),
    ),
    '02-vectors': fan('Angles between rows', words('cosineNames'), numbers('cosines')),
    '03-stream': river('Length of the stream of " is"', numbers('stream'), [0, 7, 13, 19, 25, 30]),
    '04-attention': arcs('Layer 23, head 4: who " is" looks at', words('words'), numbers('weights')),
    '05-rope': clocks(
      'Three of the 32 pairs along the sentence',
      [0, 6, 12].map((pair) => ({ name: `pair ${pair}`, speed: THETA ** ((-2 * pair) / HEAD_DIM) })),
      words('words'),
    ),
    '06-swiglu': dotted(
      '32 gates of the first layer on the curve of silu',
      (x) => x / (1 + Math.exp(-x)),
      numbers('gates'),
      'silu(gate)',
    ),
    '07-forward': bars(
      '" Paris" as if the model ended early',
      rows(
        lens.map((_, n) => `after layer ${30 - lens.length + n}`),
        lens,
        percent,
      ),
    ),
    '08-sampling': stacked(
      'The likeliest tokens on a line from 0 to 1',
      words('topWords'),
      numbers('top'),
      0.85,
      0.6,
    ),
    '09-cache': steps('Six tokens, one after the other', 6),
    '10-quantised': bars(
      'Bits for one weight',
      rows(['float32', 'float16', 'Q8_0', 'Q4_1'], [32, 16, (8 * 34) / 32, (8 * 20) / 32], plain(1)),
    ),
    '11-training': bars(
      'What each token of the sentence costs, in nats',
      rows(['capital', 'of', 'France', 'is'], numbers('losses'), plain(2)),
    ),
    '12-curation': bars(
      'Chance to be called a copy: 14 bands of 8',
      rows(
        likeness.map((s) => `${s} shared`),
        likeness.map((s) => 1 - (1 - s ** 8) ** 14),
        percent,
      ),
    ),
    '13-evaluation': bars(
      'Standard error of a score of 40 %',
      rows(
        ['100 questions', '1,000 questions', '10,000 questions'],
        [100, 1000, 10_000].map((n) => Math.sqrt(0.24 / n)),
        percent,
      ),
    ),
  };
}
