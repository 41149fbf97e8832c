// View 3: where a head looks: arcs over labelled tokens for one head, small bars for the heads of the layer, a map of
// all heads by kind.

import type { AttentionPicture, TokenPicture } from '../engine/protocol.ts';
import { button, select, slider } from '../ui/controls.ts';
import { h, s, visible } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { pct, step } from '../ui/format.ts';
import { arc, bar, label, tokenLabel } from '../ui/svg.ts';
import { type TextKey, t } from '../ui/text.ts';
import { HEAD_KINDS, type HeadKind, headKinds, rowOf } from './head-kinds.ts';
import { type Context, chosenToken, type View } from './view.ts';

let kind: HeadKind = 'previous';

export const view: View = {
  controls({ state, set, get, redraw }) {
    const shape = get('tokens')?.shape;
    const [layer, head] = placeOf(state, shape);
    const edit = `${layer}.${head}`;
    const isOff = state.edits.includes(edit);
    return [
      slider({
        key: 'layer',
        text: t('word.layer'),
        low: 0,
        high: (shape?.numLayers ?? 1) - 1,
        value: layer,
        chosen: (chosen) => set({ layer: chosen }),
      }),
      slider({
        key: 'head',
        text: t('word.head'),
        low: 0,
        high: (shape?.numHeads ?? 1) - 1,
        value: head,
        chosen: (chosen) => set({ head: chosen }),
      }),
      select({
        key: 'kind',
        text: t('attention.kind'),
        options: HEAD_KINDS.map((value) => ({ value, text: t(`kind.${value}` as TextKey) })),
        value: kind,
        choose: (value) => {
          kind = value;
          redraw();
        },
      }),
      button(
        'head-off',
        t(isOff ? 'attention.on' : 'attention.off', { head: edit }),
        () => set({ edits: isOff ? state.edits.filter((one) => one !== edit) : [...state.edits, edit] }),
        { 'aria-pressed': isOff },
      ),
    ];
  },
  picture(context) {
    const tokens = context.get('tokens');
    const picture = context.get('attention');
    if (!tokens || !picture) return [];
    const query = chosenToken(context.state, picture.size);
    const [layer, head] = placeOf(context.state, tokens.shape);
    return [
      h('h3', {}, t('attention.one', { layer, head, token: visible(tokens.texts[query]) })),
      arcsFigure(tokens, picture, layer, head, query, context.width),
      h('h3', {}, t('attention.heads', { layer, token: visible(tokens.texts[query]) })),
      headsFigure(context, tokens, picture, layer, query),
      h('h3', {}, t('attention.map', { kind: t(`kind.${kind}` as TextKey) })),
      kindFigure(tokens, picture, context.width),
    ];
  },
};

function placeOf(state: { layer: number; head: number }, shape?: TokenPicture['shape']): [number, number] {
  return [
    Math.min(state.layer, (shape?.numLayers ?? 1) - 1),
    Math.min(state.head, (shape?.numHeads ?? 1) - 1),
  ];
}

function arcsFigure(
  { texts }: TokenPicture,
  picture: AttentionPicture,
  layer: number,
  head: number,
  query: number,
  width: number,
): HTMLElement {
  const weights = rowOf(picture, layer, head, query);
  const rowHeight = 28;
  const left = Math.min(150, width * 0.32);
  const room = Math.min(120, width * 0.22);
  const from = left + room + 12;
  const y = (p: number) => p * rowHeight + rowHeight / 2;
  const best = weights.indexOf(Math.max(...weights));
  const marks = weights.flatMap((weight, p) => [
    tokenLabel(left - 12, y(p), texts[p], left - 16, 'end'),
    s('circle', {
      cx: left,
      cy: y(p),
      r: p === query ? 5 : 3,
      class: p === query ? 'fill-query' : 'fill-key',
    }),
    ...(weight > 0.004 ? [arc(left, y(query), y(p), 1 + 9 * weight, room)] : []),
    bar(from, y(p) - 8, (width - from - 62) * weight, 16, 'fill-accent'),
    label(width - 2, y(p), pct(weight), 'number', 'end'),
  ]);
  const title = t('attention.one', { layer, head, token: visible(texts[query]) });
  return figure({
    title,
    desc: t('attention.desc', {
      query: visible(texts[query]),
      key: visible(texts[best]),
      share: pct(weights[best]),
      first: visible(texts[0]),
      firstShare: pct(weights[0]),
    }),
    width,
    height: weights.length * rowHeight,
    marks,
    table: {
      head: [t('word.position'), t('word.token'), t('word.weight')],
      rows: weights.map((weight, p) => [p, visible(texts[p]), pct(weight)]),
    },
  });
}

/** A row for each head: a cell for each token that it looks at. */
function headsFigure(
  context: Context,
  { texts }: TokenPicture,
  picture: AttentionPicture,
  layer: number,
  query: number,
): HTMLElement {
  const { state, width } = context;
  const heads = picture.weights[layer].map((_, head) => rowOf(picture, layer, head, query));
  const left = 64;
  const size = Math.min(40, (width - left - 4) / (query + 1));
  const height = 26;
  const marks = heads.flatMap((weights, head) => {
    const y = head * height;
    const isOff = state.edits.includes(`${layer}.${head}`) && context.side !== 'before';
    return [
      label(
        left - 8,
        y + height / 2,
        `${layer}.${head}${isOff ? ' ✕' : ''}`,
        head === state.head ? 'number strong' : 'number',
        'end',
      ),
      ...weights.map((weight, p) =>
        s('rect', {
          x: left + p * size,
          y: y + 2,
          width: size - 1,
          height: height - 4,
          class: `seq-${step(weight)} cell-line`,
        }),
      ),
    ];
  });
  const all = heads.flatMap((weights, head) => weights.map((weight, p) => ({ weight, head, p })));
  const best = all.reduce((a, b) => (b.weight > a.weight ? b : a));
  const title = t('attention.heads', { layer, token: visible(texts[query]) });
  return figure({
    title,
    desc: t('attention.headsDesc', {
      head: `${layer}.${best.head}`,
      token: visible(texts[best.p]),
      share: pct(best.weight),
    }),
    width,
    height: heads.length * height,
    marks,
    table: {
      head: [t('word.head'), ...texts.slice(0, query + 1).map((text) => ({ model: visible(text) }))],
      rows: heads.map((weights, head) => [`${layer}.${head}`, ...weights.map(pct)]),
    },
  });
}

/** All heads of the model, as cells: how much each is of the chosen kind. */
function kindFigure({ ids, shape }: TokenPicture, picture: AttentionPicture, width: number): HTMLElement {
  const scores = headKinds(picture, ids, kind);
  const { numLayers, numHeads } = shape;
  const left = 26;
  const size = Math.min(20, (width - left - 4) / numLayers);
  const high = Math.max(14, size);
  const marks = scores.map(({ layer, head, score }) =>
    s('rect', {
      x: left + layer * size,
      y: head * high,
      width: size - 1,
      height: high - 1,
      class: `seq-${step(score)} cell-line`,
    }),
  );
  const best = scores.reduce((a, b) => (b.score > a.score ? b : a));
  const labels = Array.from({ length: numHeads }, (_, head) =>
    label(left - 6, head * high + high / 2, String(head), 'small muted', 'end'),
  );
  const ticks = [0, Math.floor(numLayers / 2), numLayers - 1].map((layer) =>
    label(left + layer * size + size / 2, numHeads * high + 10, String(layer), 'small muted', 'middle'),
  );
  return figure({
    title: t('attention.map', { kind: t(`kind.${kind}` as TextKey) }),
    desc: t('attention.mapDesc', {
      head: `${best.layer}.${best.head}`,
      share: pct(best.score),
      kind: t(`kind.${kind}` as TextKey),
    }),
    width,
    height: numHeads * high + 20,
    marks: [...marks, ...labels, ...ticks],
    table: {
      head: [t('word.head'), t('word.weight')],
      rows: [...scores]
        .sort((a, b) => b.score - a.score)
        .slice(0, 40)
        .map(({ layer, head, score }) => [`${layer}.${head}`, pct(score)]),
    },
  });
}
