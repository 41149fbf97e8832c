// View 10: a pass stopped at any point: step, run to a limit, change a cell and go on, compare with float64.

import { BLOCK_PARTS } from '../engine/points.ts';
import type { PointPicture } from '../engine/protocol.ts';
import { button, check, row, select } from '../ui/controls.ts';
import { h, visible } from '../ui/dom.ts';
import { full, num, signStep } from '../ui/format.ts';
import { t } from '../ui/text.ts';
import { type Context, chosenToken, type View } from './view.ts';

let isCompared = false;

function pointList(numLayers: number): string[] {
  const layers = Array.from({ length: numLayers }, (_, layer) =>
    BLOCK_PARTS.map((part) => (part === 'layer' ? `model.layers.${layer}` : `model.layers.${layer}.${part}`)),
  );
  return ['model.embed_tokens', ...layers.flat(), 'model.norm', 'lm_head'];
}

function paramsOf({ state, get }: Context): { point: string; token: number; names: string[] } | undefined {
  const tokens = get('tokens');
  if (!tokens) return undefined;
  const names = pointList(tokens.shape.numLayers);
  const point = names.includes(state.point) ? state.point : names[0];
  return { point, token: chosenToken(state, tokens.ids.length), names };
}

export const view: View = {
  controls(context) {
    const params = paramsOf(context);
    if (!params) return [];
    const { state, set, redraw } = context;
    const { names, point } = params;
    const at = names.indexOf(point);
    const go = (to: number) => set({ point: names[Math.min(names.length - 1, Math.max(0, to))] });
    const limit = h('input', {
      type: 'number',
      min: 0,
      'data-focus': 'limit',
      value: state.limit ?? 1000,
      'aria-label': t('debugger.limit'),
    });
    return [
      row(
        button('back', t('debugger.back'), () => go(at - 1), { disabled: at === 0 }),
        button('into', t('debugger.into'), () => go(at + 1), { disabled: at === names.length - 1 }),
        button('over', t('debugger.over'), () => go(at + BLOCK_PARTS.length)),
        select({
          key: 'point',
          text: t('debugger.point'),
          options: names.map((value) => ({ value, text: value.replace('model.', '') })),
          value: point,
          choose: (chosen) => set({ point: chosen }),
        }),
      ),
      row(
        h('label', { class: 'choice' }, t('debugger.limit'), ' ', limit),
        button('run', t('debugger.run'), () => set({ limit: Math.max(0, Number(limit.value) || 0) })),
        check('compare', t('debugger.compare'), isCompared, (on) => {
          isCompared = on;
          redraw();
        }),
      ),
    ];
  },
  picture(context) {
    const params = paramsOf(context);
    const tokens = context.get('tokens');
    if (!params || !tokens) return [];
    const { point, token, names } = params;
    const { state } = context;
    const picture = context.get('point', {
      point,
      token,
      ...(state.limit !== undefined && { limit: state.limit }),
      ...(isCompared && state.model === 'nano' && { compare: true }),
    });
    if (!picture) return [];
    const { found } = picture;
    return [
      h(
        'h3',
        {},
        t('debugger.at', {
          n: names.indexOf(point) + 1,
          all: names.length,
          token: visible(tokens.texts[token]),
        }),
        ' ',
        h('code', {}, point),
      ),
      state.limit !== undefined &&
        h(
          'p',
          { role: 'status' },
          found
            ? t('debugger.found', { limit: num(state.limit), index: found.index, value: num(found.value) })
            : t('debugger.notFound', { limit: num(state.limit) }),
          ' ',
          found && button('to-found', found.name, () => context.set({ point: found.name })),
        ),
      isCompared && h('p', {}, t(picture.reference ? 'debugger.digits' : 'debugger.noReference')),
      cellTable(context, picture, point, token),
    ].filter((node): node is HTMLElement => node instanceof HTMLElement);
  },
};

/** The row's first cells; each can be overwritten, which is an edit like any other. */
function cellTable(
  { set, state }: Context,
  { cells, numValues, reference }: PointPicture,
  point: string,
  token: number,
): HTMLElement {
  const most = Math.max(...cells.map(Math.abs));
  const inputs = cells.map((value, index) => {
    const own = `set:${point}:${token}:${index}=`;
    const input = h('input', {
      class: `cell div-${signStep(value, most)}`,
      inputmode: 'decimal',
      'data-focus': `cell-${index}`,
      'aria-label': t('debugger.cell', { index, value: full(value) }),
      value: num(value).replaceAll('−', '-'),
      title: full(value),
    });
    input.addEventListener('change', () => {
      const typed = Number(input.value.replaceAll('−', '-'));
      if (!Number.isFinite(typed)) return;
      set({ edits: [...state.edits.filter((edit) => !edit.startsWith(own)), `${own}${typed}`] });
    });
    return h('li', {}, input, reference && agreement(value, reference[index]));
  });
  return h(
    'div',
    {},
    h('p', { class: 'muted' }, t('debugger.shown', { shown: cells.length, all: numValues })),
    h('ol', { class: 'cells', start: 0 }, ...inputs),
  );
}

/** Digits that float32 and float64 share are bold. */
function agreement(value: number, exact: number): HTMLElement {
  const [mine, theirs] = [value.toPrecision(9), exact.toPrecision(9)];
  let same = 0;
  while (same < mine.length && mine[same] === theirs[same]) same++;
  return h(
    'span',
    { class: 'mono small', 'data-model': true },
    h('b', {}, theirs.slice(0, same)),
    theirs.slice(same),
  );
}
