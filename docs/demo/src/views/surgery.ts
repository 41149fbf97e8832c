// View 9: parts of the model switched off or scaled; the next token and the lens before, after, and their difference.

import type { LensPicture, TokenPicture } from '../engine/protocol.ts';
import { button, field, row, select } from '../ui/controls.ts';
import { h, visible } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { pct, signed } from '../ui/format.ts';
import { bar, bottomAxis, label, line, scale, tokenLabel } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import { type Context, chosenToken, type View } from './view.ts';

let factor = 0;
/** The second text, and how much of what it has over the prompt is added. */
let other = 'The capital of Italy is';
let strength = 1;

export const view: View = {
  isOwnCompare: true,
  controls(context) {
    const { state, set } = context;
    const shape = context.whole('tokens')?.shape;
    if (!shape) return [];
    const layer = Math.min(state.layer, shape.numLayers - 1);
    const layers = Array.from({ length: shape.numLayers }, (_, value) => ({ value, text: String(value) }));
    return [
      row(
        select({
          key: 'layer',
          text: t('word.layer'),
          options: layers,
          value: layer,
          choose: (chosen) => set({ layer: chosen }),
        }),
        select({
          key: 'factor',
          text: t('surgery.factor'),
          options: [0, 0.5, 2, -1].map((value) => ({
            value,
            text: value === 0 ? t('surgery.zero') : `× ${value}`.replace('-', '−'),
          })),
          value: factor,
          choose: (value) => {
            factor = value;
            context.redraw();
          },
        }),
      ),
      h(
        'div',
        { class: 'switches', role: 'group', 'aria-label': t('surgery.parts', { layer }) },
        ...Array.from({ length: shape.numHeads }, (_, head) =>
          part(context, `${layer}.${head}`, t('surgery.head', { head })),
        ),
        part(context, `att${layer}`, t('surgery.attention')),
        part(context, `mlp${layer}`, t('surgery.mlp')),
      ),
      ...fromAnotherText(context, layer),
    ];
  },
  picture(context) {
    const { whole, get, width } = context;
    const before = whole('tokens');
    const after = get('tokens');
    const lensBefore = whole('lens');
    const lensAfter = get('lens');
    if (!before || !after || !lensBefore || !lensAfter) return [];
    return [changesFigure(before, after, width), curvesFigure(lensBefore, lensAfter, width)];
  },
};

/** What another text leaves in the stream after this layer: put in the place of a token's, or added to every one's. */
function fromAnotherText(context: Context, layer: number): Node[] {
  const { state, set, whole } = context;
  const tokens = whole('tokens');
  if (!tokens) return [];
  const position = chosenToken(state, tokens.texts.length);
  const text = encodeURIComponent(other);
  const press = (edit: string) => () => {
    if (!state.edits.includes(edit) && other !== '') set({ edits: [...state.edits, edit] });
  };
  return [
    row(
      field('other', t('surgery.other'), other, (typed) => {
        other = typed.slice(0, 150);
        context.redraw();
      }),
    ),
    row(
      select({
        key: 'position',
        text: t('surgery.position'),
        options: tokens.texts.map((one, value) => ({ value, text: `${value} ${visible(one)}` })),
        value: position,
        choose: (token) => set({ token }),
      }),
      button('put', t('surgery.put', { layer }), press(`put:${layer}:${position}=${text}`)),
      select({
        key: 'strength',
        text: t('surgery.strength'),
        options: [1, 2, 4, -1].map((value) => ({ value, text: `× ${value}`.replace('-', '−') })),
        value: strength,
        choose: (value) => {
          strength = value;
          context.redraw();
        },
      }),
      button(
        'add',
        t('surgery.add', { layer }),
        press(`add:${layer}*${strength}=${text}:${encodeURIComponent(state.prompt)}`),
      ),
    ),
  ];
}

function part({ state, set }: Context, name: string, text: string): HTMLElement {
  const isMine = (edit: string) => edit === name || edit.startsWith(`${name}*`);
  const own = state.edits.find(isMine);
  const edit = factor === 0 ? name : `${name}*${factor}`;
  const others = state.edits.filter((one) => !isMine(one));
  const shown = own ? `${text} ${own.includes('*') ? `×${own.split('*')[1]}` : '✕'}` : text;
  return button(`part-${name}`, shown, () => set({ edits: own ? others : [...others, edit] }), {
    class: 'switch',
    'aria-pressed': own !== undefined,
  });
}

/** The likeliest tokens of either side: before, after, and how much each moved. */
function changesFigure(before: TokenPicture, after: TokenPicture, width: number): HTMLElement {
  const was = before.next[before.next.length - 1];
  const is = after.next[after.next.length - 1];
  const ids = [...new Set([...was.slice(0, 6), ...is.slice(0, 6)].map(({ id }) => id))];
  const of = (list: TokenPicture['next'][number], id: number) => list.find((one) => one.id === id);
  const rows = ids
    .map((id) => ({ text: (of(was, id) ?? of(is, id))?.text ?? '', was: of(was, id)?.p, is: of(is, id)?.p }))
    .sort((a, b) => Math.abs((b.is ?? 0) - (b.was ?? 0)) - Math.abs((a.is ?? 0) - (a.was ?? 0)));
  const left = Math.min(130, width * 0.28);
  const half = (width - left - 8) / 2;
  const most = Math.max(...rows.flatMap((one) => [one.was ?? 0, one.is ?? 0]));
  const wide = Math.max(20, half - 74);
  const side = (x: number, y: number, share: number | undefined, kind: string) => [
    bar(x, y - 8, (wide * (share ?? 0)) / most, 16, kind),
    label(x + (wide * (share ?? 0)) / most + 6, y, share === undefined ? '–' : pct(share), 'number'),
  ];
  const marks = rows.flatMap((one, n) => {
    const y = 34 + n * 28;
    return [
      tokenLabel(left - 8, y, one.text, left - 12, 'end'),
      ...side(left, y, one.was, 'fill-soft'),
      ...side(left + half, y, one.is, 'fill-accent'),
    ];
  });
  const [top] = was;
  const now = of(is, top.id)?.p ?? 0;
  return figure({
    title: t('surgery.title'),
    desc: t('surgery.desc', {
      token: visible(top.text),
      before: pct(top.p),
      after: pct(now),
      change: signed(100 * (now - top.p)),
    }),
    width,
    height: rows.length * 28 + 28,
    marks: [
      label(left, 10, t('word.before'), 'small muted'),
      label(left + half, 10, t('word.after'), 'small muted'),
      ...marks,
    ],
    table: {
      head: [t('word.token'), t('word.before'), t('word.after'), t('word.change')],
      rows: rows.map((one) => [
        visible(one.text),
        one.was === undefined ? '–' : pct(one.was),
        one.is === undefined ? '–' : pct(one.is),
        one.was === undefined || one.is === undefined ? '–' : signed(100 * (one.is - one.was)),
      ]),
    },
  });
}

/** The target through the layers, before and after. */
function curvesFigure(before: LensPicture, after: LensPicture, width: number): HTMLElement {
  const height = 200;
  const { rows, target } = before;
  const x = scale(0, rows.length - 1, 60, width - 12);
  const most = Math.max(...rows.map((one) => one.target), ...after.rows.map((one) => one.target), 0.01);
  const y = scale(0, most, height - 24, 22);
  const curve = (picture: LensPicture) => picture.rows.map((one, n) => [x(n), y(one.target)] as const);
  const end = rows.length - 1;
  return figure({
    title: t('surgery.curve', { token: visible(target.text) }),
    desc: t('surgery.curveDesc', {
      token: visible(target.text),
      before: pct(rows[end].target),
      after: pct(after.rows[end].target),
    }),
    width,
    height,
    marks: [
      label(54, y(most), pct(most), 'small number', 'end'),
      label(54, y(0), '0', 'small number', 'end'),
      line(curve(before), 'before-line'),
      line(curve(after), 'after-line'),
      label(width - 12, 8, t('surgery.legend'), 'small muted', 'end'),
      ...bottomAxis(
        [0, Math.floor(end / 2), end].map((n) => ({ at: x(n), text: n === 0 ? '⊥' : String(n - 1) })),
        60,
        width - 12,
        height - 24,
      ),
    ],
    table: {
      head: [t('word.layer'), t('word.before'), t('word.after')],
      rows: rows.map((one, n) => [one.layer, pct(one.target), pct(after.rows[n].target)]),
    },
  });
}
