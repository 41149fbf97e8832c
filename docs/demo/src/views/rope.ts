// The tour's clock: two tokens' hands of one RoPE pair, and the angle between them, which stays when both slide.

import { slider } from '../ui/controls.ts';
import { s } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { fixed, num } from '../ui/format.ts';
import { label } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { View } from './view.ts';

const HEAD_DIM = 64;
const THETA = 100_000;
let shift = 0;
let pair = 2;

export const view: View = {
  isOwnCompare: true,
  controls({ redraw, did }) {
    return [
      slider({
        key: 'shift',
        text: t('rope.shift'),
        low: 0,
        high: 40,
        value: shift,
        chosen: (value) => {
          shift = value;
          did('slide');
          redraw();
        },
      }),
      slider({
        key: 'pair',
        text: t('rope.pair'),
        low: 0,
        high: HEAD_DIM / 2 - 1,
        value: pair,
        chosen: (value) => {
          pair = value;
          redraw();
        },
      }),
    ];
  },
  picture({ width }) {
    const speed = THETA ** ((-2 * pair) / HEAD_DIM);
    const [key, query] = [3 + shift, 4 + shift];
    const size = Math.min(width, 320);
    const [cx, cy, r] = [width / 2, size / 2, size / 2 - 24];
    const hand = (position: number, kind: string, name: string) => {
      const angle = speed * position;
      const [x, y] = [cx + r * Math.cos(angle), cy - r * Math.sin(angle)];
      return [
        s('line', { x1: cx, y1: cy, x2: x, y2: y, class: kind }),
        label(cx + (r + 12) * Math.cos(angle), cy - (r + 12) * Math.sin(angle), name, 'number', 'middle'),
      ];
    };
    return [
      figure({
        title: t('rope.title', { pair }),
        desc: t('rope.desc', {
          key,
          query,
          angle: fixed(speed),
          keyAngle: num(speed * key),
          queryAngle: num(speed * query),
        }),
        width,
        height: size,
        marks: [
          s('circle', { cx, cy, r, class: 'dial' }),
          ...hand(key, 'key-hand', 'k'),
          ...hand(query, 'query-hand', 'q'),
        ],
        table: {
          head: [t('word.position'), t('rope.angle')],
          rows: [
            [key, num(speed * key)],
            [query, num(speed * query)],
            [t('word.change'), num(speed)],
          ],
        },
      }),
    ];
  },
};
