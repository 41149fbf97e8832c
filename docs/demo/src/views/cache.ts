// View 8: what is kept of each token, and the work that keeping it saves.

import { check, row, slider } from '../ui/controls.ts';
import { h, s } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { count } from '../ui/format.ts';
import { label, tokenLabel } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { View } from './view.ts';

let step = 1;
let isKept = true;

export const view: View = {
  isOwnCompare: true,
  controls({ get, redraw }) {
    const size = get('tokens')?.ids.length ?? 1;
    step = Math.min(step, size);
    return [
      row(
        slider({
          key: 'step',
          text: t('cache.step'),
          low: 1,
          high: size,
          value: step,
          chosen: (value) => {
            step = value;
            redraw();
          },
        }),
        check('kept', t('cache.kept'), isKept, (on) => {
          isKept = on;
          redraw();
        }),
      ),
    ];
  },
  picture({ get, width }) {
    const tokens = get('tokens');
    if (!tokens) return [];
    const { texts, shape } = tokens;
    const { numLayers, numHeads, numKvHeads, headDim } = shape;
    const left = Math.min(120, width * 0.3);
    const size = Math.min(22, (width - left - 4) / numLayers);
    const high = Math.max(12, Math.min(24, size));
    const marks = texts.flatMap((text, at) => [
      tokenLabel(left - 8, at * high + high / 2, text, left - 12, 'end'),
      ...Array.from({ length: numLayers }, (_, layer) => {
        const kind = at >= step ? 'empty' : at === step - 1 || !isKept ? 'fill-accent' : 'fill-soft';
        return s('rect', {
          x: left + layer * size,
          y: at * high,
          width: size - 1,
          height: high - 1,
          class: `${kind} cell-line`,
        });
      }),
    ]);
    const bytes = 2 * numLayers * numKvHeads * headDim * 4;
    const work = (rows: number) => rows * numParametersOfLayers(shape);
    const done = isKept ? work(step) : work((step * (step + 1)) / 2);
    const numbers = [
      [t('cache.perToken'), count(bytes)],
      [t('cache.now'), count(bytes * step)],
      [t('cache.noGqa', { heads: numHeads, kv: numKvHeads }), count((bytes * numHeads) / numKvHeads)],
      [t('cache.work'), count(done)],
    ];
    return [
      figure({
        title: t('cache.title'),
        desc: t(isKept ? 'cache.desc' : 'cache.descWithout', {
          step,
          rows: isKept ? 1 : step,
          work: count(done),
        }),
        width,
        height: texts.length * high + 16,
        marks: [
          ...marks,
          label(left, texts.length * high + 9, t('cache.layers', { count: numLayers }), 'small muted'),
        ],
        table: {
          head: [t('cache.step'), t('cache.with'), t('cache.without')],
          rows: texts.map((_, n) => [n + 1, count(work(n + 1)), count(work(((n + 1) * (n + 2)) / 2))]),
        },
      }),
      h(
        'dl',
        { class: 'numbers' },
        ...numbers.map(([name, value]) =>
          h('div', {}, h('dt', {}, name), h('dd', { 'data-model': true }, value)),
        ),
      ),
    ];
  },
};

/** Multiply-adds of one token in the projections: one for each weight. */
function numParametersOfLayers(shape: {
  numLayers: number;
  numHeads: number;
  numKvHeads: number;
  headDim: number;
  hiddenSize: number;
  intermediateSize: number;
}): number {
  const { numLayers, numHeads, numKvHeads, headDim, hiddenSize, intermediateSize } = shape;
  const attention = hiddenSize * headDim * (2 * numHeads + 2 * numKvHeads);
  return numLayers * (attention + 3 * hiddenSize * intermediateSize);
}
