// View 13: how fast this machine is, and where the time goes.

import { button, row } from '../ui/controls.ts';
import { h } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { count, num, pct } from '../ui/format.ts';
import { bar, label } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { View } from './view.ts';

const SHOWN = 10;

export const view: View = {
  isOwnCompare: true,
  controls({ again, redraw }) {
    return [
      row(
        button('measure', t('speed.again'), () => {
          again('speed');
          redraw();
        }),
      ),
    ];
  },
  picture({ get, width }) {
    const picture = get('speed');
    if (!picture) return [];
    const { prefill, decode, threads, why, engine, isNoisy } = picture;
    const numbers = [
      [t('speed.decode'), num(decode)],
      [t('speed.prefill'), count(prefill)],
      [t('speed.threads'), `${threads} (${why})`],
      [t('speed.engine'), engine],
    ];
    const total = picture.modules.reduce((sum, { ms }) => sum + ms, 0);
    const modules = picture.modules.slice(0, SHOWN);
    const left = Math.min(190, width * 0.46);
    const marks = modules.flatMap(({ part, ms }, n) => {
      const y = n * 26 + 13;
      return [
        label(left - 8, y, part.replace('self_attn.', ''), 'mono', 'end'),
        bar(left, y - 8, ((width - left - 62) * ms) / modules[0].ms, 16, 'fill-accent'),
        label(width - 2, y, pct(ms / total), 'number', 'end'),
      ];
    });
    return [
      h(
        'dl',
        { class: 'numbers' },
        ...numbers.map(([name, value]) =>
          h('div', {}, h('dt', {}, name), h('dd', { 'data-model': true }, value)),
        ),
      ),
      isNoisy && h('p', { class: 'note' }, t('speed.noisy')),
      figure({
        title: t('speed.modules'),
        desc: t('speed.desc', { part: modules[0].part, share: pct(modules[0].ms / total) }),
        width,
        height: modules.length * 26,
        marks,
        table: {
          head: [t('speed.part'), 'ms'],
          rows: picture.modules.map(({ part, ms }) => [part, num(ms)]),
        },
      }),
    ].filter((node): node is HTMLElement => node !== false);
  },
};
