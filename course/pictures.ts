// One picture for each chapter, from the numbers that were measured and from arithmetic that stands here.

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

/** Numbers of a layer's cache with and without shared keys, over so many tokens, in megabytes of float32. */
const cacheMegabytes = (kvHeads: number, numTokens: number) => (numTokens * 30 * kvHeads * 64 * 2 * 4) / 1e6;

/** Pictures by the chapter's folder. */
export function pictures(series: Series): Record<string, string> {
  const numbers = (name: string) => series[name].map(Number);
  const words = (name: string) => series[name].map(String);
  const [x, y, turnedX, turnedY] = numbers('pair');
  const layers = numbers('stream').map((_, n) => (n === 0 ? 'embedding' : `after layer ${n - 1}`));
  const some = (list: readonly number[]) => list.filter((_, n) => n % 6 === 0);
  const lens = numbers('lens').slice(-8);
  const likeness = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9];
  return {
    '00-start': bars(
      'What comes after "The capital of France is"',
      rows(words('topWords'), numbers('top'), percent),
    ),
    '01-tokens': bars(
      'Tokens of four texts',
      rows(['strawberry', '␠strawberry', '2024', '😀'], numbers('tokenCounts'), plain(0)),
    ),
    '02-vectors': bars('Cosines between rows', rows(words('cosineNames'), numbers('cosines'), plain(2))),
    '03-stream': bars(
      'Length of the stream of " is"',
      rows(
        some(layers.map((_, n) => n)).map((n) => layers[n]),
        some(numbers('stream')),
        plain(0),
      ),
    ),
    '04-attention': arcs('Layer 23, head 4: who " is" looks at', words('words'), numbers('weights')),
    '05-rope': bars(
      'One pair before and after its turn',
      rows(
        ['first, before', 'second, before', 'first, after', 'second, after'],
        [x, y, turnedX, turnedY],
        plain(3),
      ),
    ),
    '06-swiglu': bars(
      '32 of the gates of the first layer, sorted',
      rows(
        numbers('gates').map((_, n) => `gate ${n + 1}`),
        numbers('gates'),
        plain(2),
      ),
    ),
    '07-forward': bars(
      '" Paris" as if the model ended early',
      rows(
        lens.map((_, n) => `after layer ${30 - lens.length + n}`),
        lens,
        percent,
      ),
    ),
    '08-sampling': bars(
      '" Paris" under four temperatures',
      rows(['0.5', '1', '1.5', '2'], numbers('heats'), percent),
    ),
    '09-cache': bars(
      'Memory of 8,192 tokens',
      rows(
        ['1 key head', '3 key heads', '9 key heads'],
        [1, 3, 9].map((heads) => cacheMegabytes(heads, 8192)),
        (mb) => `${mb.toFixed(0)} MB`,
      ),
    ),
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
