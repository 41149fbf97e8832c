// View 2: one token through one block, operation by operation: the first cells of each vector, its range, and the
// arithmetic of one number.

import type { JourneyPicture, OpPicture } from '../engine/protocol.ts';
import { button, slider } from '../ui/controls.ts';
import { h, visible } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { fixed, full, num, signStep } from '../ui/format.ts';
import { bottomAxis, cells, label, line, scale } from '../ui/svg.ts';
import { type TextKey, t } from '../ui/text.ts';
import { type Context, chosenToken, type View } from './view.ts';

export const view: View = {
  controls({ state, set, get }) {
    const numLayers = get('tokens')?.shape.numLayers ?? 1;
    return [
      slider({
        key: 'layer',
        text: t('word.layer'),
        low: 0,
        high: numLayers - 1,
        value: Math.min(state.layer, numLayers - 1),
        chosen: (layer) => set({ layer }),
      }),
    ];
  },
  picture(context) {
    const tokens = context.get('tokens');
    if (!tokens) return [];
    const token = chosenToken(context.state, tokens.ids.length);
    const layer = Math.min(context.state.layer, tokens.shape.numLayers - 1);
    const picture = context.get('journey', { layer, token });
    if (!picture) return [];
    const text = visible(tokens.texts[token]);
    return [
      streamFigure(picture, text, layer, context.width),
      h('h3', {}, t('journey.block', { token: text, layer })),
      h('ol', { class: 'ops' }, ...picture.ops.map((op, at) => opRow(context, picture, op, at))),
    ];
  },
};

function partOf(point: string): string {
  return point.replace(/^model\.layers\.\d+\.?/, '') || 'layer';
}

/** How long the token's vector is after the embedding and after each layer. */
function streamFigure({ lengths }: JourneyPicture, token: string, layer: number, width: number): HTMLElement {
  const height = 120;
  const x = scale(0, lengths.length - 1, 30, width - 46);
  const most = Math.max(...lengths);
  const y = scale(0, most, height - 24, 14);
  const last = lengths.length - 1;
  return figure({
    title: t('journey.stream', { token }),
    desc: t('journey.streamDesc', {
      token,
      first: num(lengths[0]),
      last: num(lengths[last]),
      most: num(most),
    }),
    width,
    height,
    marks: [
      line(
        lengths.map((value, n) => [x(n), y(value)] as const),
        'stream-line',
      ),
      line(
        [
          [x(layer + 1), 6],
          [x(layer + 1), height - 24],
        ],
        'cursor',
      ),
      label(x(last) + 6, y(lengths[last]), num(lengths[last]), 'number'),
      ...bottomAxis(
        [0, Math.floor(last / 2), last].map((n) => ({
          at: x(n),
          text: n === 0 ? t('word.embedding') : String(n - 1),
        })),
        30,
        width - 46,
        height - 24,
      ),
    ],
    table: {
      head: [t('word.layer'), t('word.length')],
      rows: lengths.map((value, n) => [n - 1, full(value)]),
    },
  });
}

function opRow(context: Context, picture: JourneyPicture, op: OpPicture, at: number): HTMLElement {
  const part = partOf(op.point);
  const isOpen = partOf(context.state.point) === part;
  const name = t(`op.${part}` as TextKey);
  const most = Math.max(Math.abs(op.min), Math.abs(op.max));
  const isShare = part === 'self_attn.attn_probs';
  const room = Math.min(context.width - 8, 640);
  const perRow = Math.max(16, Math.min(64, Math.floor(room / 10)));
  const size = room / perRow;
  const steps = op.cells.map((value) =>
    isShare ? Math.min(7, 1 + Math.floor(value * 7)) : signStep(value, most),
  );
  const head = button(
    `op-${part}`,
    h(
      'span',
      { class: 'op-name' },
      name,
      h('code', {}, part),
      h('span', { class: 'op-shape' }, `[${op.shape.join(', ')}]`),
    ),
    () => context.set({ point: isOpen ? '' : op.point }),
    { class: 'op-head', 'aria-expanded': isOpen },
  );
  const strip = h('div', { class: 'strip' });
  if (isOpen) {
    strip.append(
      figure({
        title: name,
        desc: t('journey.opDesc', {
          name,
          min: fixed(op.min),
          max: fixed(op.max),
          rms: num(op.rms),
          shown: op.cells.length,
        }),
        width: room,
        height: Math.ceil(steps.length / perRow) * size + 2,
        marks: cells(0, 0, steps, isShare ? 'seq' : 'div', size, perRow),
        table: {
          head: [t('word.cell'), t('word.value')],
          rows: op.cells.map((value, i) => [i, full(value)]),
        },
      }),
      h('p', {}, t(`op.how.${part}` as TextKey)),
      h('p', { class: 'sum mono', 'data-model': true }, example(picture, part)),
    );
  }
  return h('li', { class: `op ${kindOf(part)}`, value: at + 1 }, head, strip);
}

function kindOf(part: string): string {
  if (/norm/.test(part)) return 'is-norm';
  if (/q_/.test(part)) return 'is-query';
  if (/k_/.test(part)) return 'is-key';
  if (/v_/.test(part)) return 'is-value';
  if (/^mlp/.test(part)) return 'is-mlp';
  return 'is-stream';
}

/** One number's arithmetic, from numbers that are shown. */
function example({ ops }: JourneyPicture, part: string): string {
  const first = (name: string) => ops.find(({ point }) => partOf(point) === name)?.cells[0] ?? 0;
  const own = first(part);
  if (part === 'mlp.act') {
    const gate = first('mlp.gate_proj');
    const silu = gate / (1 + Math.exp(-gate));
    return `silu(${num(gate)}) · ${num(first('mlp.up_proj'))} = ${num(silu)} · ${num(first('mlp.up_proj'))} = ${num(own)}`;
  }
  if (part === 'layer') {
    return `${num(first('residual_after_attention'))} + ${num(first('mlp.down_proj'))} = ${num(own)}`;
  }
  if (part === 'residual_after_attention') {
    const added = first('self_attn.o_proj');
    return `${num(own - added)} + ${num(added)} = ${num(own)}`;
  }
  return (
    ops
      .find(({ point }) => partOf(point) === part)
      ?.cells.slice(0, 3)
      .map(num)
      .join('   ') ?? ''
  );
}
