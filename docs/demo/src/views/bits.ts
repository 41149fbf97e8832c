// View 12: the bits of the logits as sha256 here, beside those that Node got when the page was built; and with one bit
// of one weight flipped.

import { button, row } from '../ui/controls.ts';
import { h, model } from '../ui/dom.ts';
import { t } from '../ui/text.ts';
import { nodeHashes } from './node-hashes.ts';
import type { View } from './view.ts';

let isFlipped = false;

export const view: View = {
  controls({ redraw, state }) {
    const flip = button(
      'flip',
      t(isFlipped ? 'bits.unflip' : 'bits.flip'),
      () => {
        isFlipped = !isFlipped;
        redraw();
      },
      { 'aria-pressed': isFlipped, disabled: state.model !== 'nano' },
    );
    return [row(flip)];
  },
  picture({ get, state }) {
    const picture = get('bits', isFlipped && state.model === 'nano' ? { flip: true } : {});
    const tokens = get('tokens');
    if (!picture || !tokens) return [];
    const known = nodeHashes(state);
    const rows = picture.hashes.map((hash, at) => {
      const isSame = known?.[at] === hash;
      const verdict = known ? `${isSame ? '✓' : '▲'} ${t(isSame ? 'bits.same' : 'bits.other')}` : '–';
      return h(
        'tr',
        {},
        h('td', {}, model(tokens.texts[at] ?? '')),
        h('td', {}, model(picture.texts[at])),
        h('td', { 'data-model': true }, h('code', {}, hash.slice(0, 16))),
        h('td', { class: known ? (isSame ? 'good' : 'bad') : '' }, verdict),
      );
    });
    const head = [t('word.token'), t('bits.next'), 'sha256', t('bits.node')];
    const same = known ? picture.hashes.filter((hash, at) => known[at] === hash).length : 0;
    return [
      h(
        'p',
        { role: 'status' },
        known ? t('bits.count', { same, all: picture.hashes.length }) : t('bits.unknown'),
      ),
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': t('bits.table') },
        h(
          'table',
          { class: 'wide' },
          h('caption', { class: 'sr' }, t('bits.table')),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ...head.map((cell) => h('th', { scope: 'col', 'data-model': cell === 'sha256' }, cell)),
            ),
          ),
          h('tbody', {}, ...rows),
        ),
      ),
    ];
  },
};
