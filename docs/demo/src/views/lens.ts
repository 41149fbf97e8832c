// View 4: what each layer would say if it were the last one; beside it, how likely the target is there.

import { h, s, visible } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { pct } from '../ui/format.ts';
import { bar, label, line, scale, tokenLabel } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { View } from './view.ts';

const ROW = 24;

export const view: View = {
  picture({ get, width, state, set }) {
    const tokens = get('tokens');
    const picture = get('lens');
    if (!tokens || !picture) return [];
    const { rows, target } = picture;
    const isNarrow = width < 520;
    const shownTop = isNarrow ? 1 : 3;
    const left = 44;
    const curve = isNarrow ? 74 : 130;
    const column = (width - left - curve - 12) / shownTop;
    const x = scale(0, 1, width - curve, width - 8);
    const marks = rows.flatMap(({ layer, top, target: share }, row) => {
      const y = row * ROW + ROW / 2 + 20;
      const isNew = row === 0 || top[0].id !== rows[row - 1].top[0].id;
      return [
        ...(isNew
          ? [
              s('rect', {
                x: left - 4,
                y: y - ROW / 2 + 1,
                width: width - left - curve - 4,
                height: ROW - 2,
                rx: 4,
                class: 'row-mark',
              }),
            ]
          : []),
        label(left - 12, y, layer < 0 ? '⊥' : String(layer), isNew ? 'number strong' : 'number', 'end'),
        ...top.slice(0, shownTop).flatMap(({ text, p }, rank) => {
          const at = left + rank * column;
          return [
            bar(at, y - 7, Math.max(2, 36 * p), 14, rank === 0 ? 'fill-accent' : 'fill-soft'),
            tokenLabel(at + 42, y, text, column - 48),
          ];
        }),
        s('circle', { cx: x(share), cy: y, r: 3, class: 'fill-stream' }),
      ];
    });
    const points = rows.map(({ target: share }, row) => [x(share), row * ROW + ROW / 2 + 20] as const);
    const last = rows[rows.length - 1];
    const least = rows.find(({ target: share }) => share > 0.01);
    const title = t('lens.title', { token: visible(tokens.texts[tokens.texts.length - 1]) });
    return [
      h('h3', {}, title),
      figure({
        title,
        desc: t('lens.desc', {
          token: visible(target.text),
          share: pct(last.target),
          layer: last.layer,
          first: least ? least.layer : '–',
        }),
        width,
        height: rows.length * ROW + 24,
        marks: [
          label(left, 9, t('lens.wouldSay'), 'small muted'),
          label(width - 8, 9, visible(target.text), 'small mono', 'end'),
          line(points, 'stream-line'),
          ...marks,
        ],
        table: {
          head: [t('word.layer'), '1', '2', '3', { model: visible(target.text) }],
          rows: rows.map(({ layer, top, target: share }) => [
            layer < 0 ? t('word.embedding') : layer,
            ...top.map(({ text, p }) => `${visible(text)} ${pct(p)}`),
            pct(share),
          ]),
        },
      }),
      layerPicker(rows, state.layer, (layer) => set({ layer })),
    ];
  },
};

/** One layer's row in words, chosen by a slider: what the picture says, for one layer. */
function layerPicker(
  rows: readonly { layer: number; top: readonly { text: string; p: number }[]; target: number }[],
  layer: number,
  choose: (layer: number) => void,
): HTMLElement {
  const row = rows.find((one) => one.layer === layer) ?? rows[rows.length - 1];
  const input = h('input', { type: 'range', min: 0, max: rows.length - 2, 'data-focus': 'lens-layer' });
  input.value = String(row.layer);
  input.addEventListener('change', () => choose(Number(input.value)));
  const said = row.top.map(({ text, p }) => `${visible(text)} ${pct(p)}`).join(', ');
  return h('label', { class: 'slider' }, h('span', {}, t('lens.atLayer', { layer: row.layer, said })), input);
}
