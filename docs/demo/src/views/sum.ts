// View 5: a logit is a sum: embedding, every head, every mlp; the largest terms one above the other.

import { h, visible } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { fixed, signed } from '../ui/format.ts';
import { bar, label, line, scale } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { View } from './view.ts';

const ROW = 26;
const SHOWN = 12;

export const view: View = {
  picture({ get, width }) {
    const picture = get('sum');
    if (!picture) return [];
    const { target, terms, total, numTerms } = picture;
    const shown = terms.slice(0, SHOWN);
    const rest = total - shown.reduce((sum, { logit }) => sum + logit, 0);
    const steps = [...shown, { component: t('sum.rest', { count: numTerms - shown.length }), logit: rest }];
    const ends: number[] = [];
    for (const { logit } of steps) ends.push((ends.at(-1) ?? 0) + logit);
    const left = Math.min(150, width * 0.36);
    const x = scale(Math.min(0, ...ends), Math.max(total, ...ends), left, width - 66);
    const marks = steps.flatMap(({ component, logit }, row) => {
      const y = row * ROW + ROW / 2;
      const from = row === 0 ? 0 : ends[row - 1];
      return [
        label(
          left - 8,
          y,
          component.replace('layer ', '').replace(' head ', '.').replace(' mlp', ' mlp'),
          'mono',
          'end',
        ),
        bar(
          Math.min(x(from), x(ends[row])),
          y - 8,
          Math.max(1.5, Math.abs(x(ends[row]) - x(from))),
          16,
          logit < 0 ? 'fill-minus' : 'fill-accent',
        ),
        label(width - 2, y, signed(logit), 'number', 'end'),
        line(
          [
            [x(ends[row]), y + 8],
            [x(ends[row]), y + ROW - 8],
          ],
          'rule',
        ),
      ];
    });
    const y = steps.length * ROW + ROW / 2;
    const best = shown[0];
    const title = t('sum.title', { token: visible(target.text) });
    return [
      h('h3', {}, title),
      figure({
        title,
        desc: t('sum.desc', {
          token: visible(target.text),
          total: fixed(total),
          count: numTerms,
          best: best.component,
          bestLogit: signed(best.logit),
        }),
        width,
        height: (steps.length + 1) * ROW,
        marks: [
          line(
            [
              [x(0), 0],
              [x(0), y + 12],
            ],
            'rule',
          ),
          ...marks,
          label(left - 8, y, t('sum.total'), 'strong', 'end'),
          bar(x(0), y - 8, x(total) - x(0), 16, 'fill-stream'),
          label(width - 2, y, fixed(total), 'number strong', 'end'),
        ],
        table: {
          head: [t('sum.part'), t('word.logit')],
          rows: [
            ...terms.map(({ component, logit }) => [component, signed(logit)]),
            [t('sum.total'), fixed(total)],
          ],
        },
      }),
    ];
  },
};
