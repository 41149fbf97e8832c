// Chances as horizontal bars: text on the left, share on the right.

import type { Chance } from '../engine/protocol.ts';
import { visible } from './dom.ts';
import { figure } from './figure.ts';
import { pct } from './format.ts';
import { bar, label, tokenLabel } from './svg.ts';
import { t } from './text.ts';

export function barsFigure(
  title: string,
  chances: readonly Chance[],
  width: number,
  target?: number,
): HTMLElement {
  const rowHeight = 28;
  const left = Math.min(150, width * 0.34);
  const right = width - 64;
  const most = Math.max(...chances.map(({ p }) => p), 1e-9);
  const marks = chances.flatMap(({ id, text, p }, row) => {
    const y = row * rowHeight + rowHeight / 2;
    return [
      tokenLabel(left - 10, y, text, left - 14, 'end'),
      bar(left, y - 9, ((right - left) * p) / most, 18, id === target ? 'fill-accent' : 'fill-soft'),
      label(width - 2, y, pct(p), 'number', 'end'),
    ];
  });
  const [best] = chances;
  return figure({
    title,
    desc: best ? t('bars.desc', { token: visible(best.text), share: pct(best.p) }) : title,
    width,
    height: chances.length * rowHeight,
    marks,
    table: {
      head: [t('word.token'), t('word.id'), t('word.probability')],
      rows: chances.map(({ id, text, p }) => [visible(text), id, pct(p)]),
    },
  });
}
