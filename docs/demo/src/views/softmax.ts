// View 6: from logits to chances to a choice: temperature, top-k, top-p and min-p live, and a throw whose seed is seen.

import { Rng } from 'smollm2/sampler';
import type { SoftmaxPicture } from '../engine/protocol.ts';
import type { State } from '../state.ts';
import { button, check, row, slider } from '../ui/controls.ts';
import { h, model, s, visible } from '../ui/dom.ts';
import { figure } from '../ui/figure.ts';
import { fixed, full, pct } from '../ui/format.ts';
import { bar, label, tokenLabel } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { Context, View } from './view.ts';

const SHOWN = 12;
const THROWS = 100;

interface Share {
  readonly text: string;
  readonly logit: number;
  readonly p: number;
  readonly isIn: boolean;
}

let thrown: { readonly text: string; readonly u: number; readonly seed: number } | undefined;
let counts: ReadonlyMap<string, number> | undefined;

/** Chances at a temperature, of the top tokens and of all others together, after the three cuts. */
export function sharesOf(
  { top, tail }: SoftmaxPicture,
  { temperature, topK, topP, minP }: State['sampling'],
): { shares: Share[]; rest: number } {
  const heat = Math.max(temperature, 1e-3);
  const max = top[0].logit;
  const weights = top.map(({ logit }) => Math.exp((logit - max) / heat));
  let others = tail.reduce((sum, [logit, many]) => sum + many * Math.exp((logit - max) / heat), 0);
  const total = weights.reduce((sum, weight) => sum + weight, others);
  let kept = topK > 0 ? Math.min(topK, top.length) : top.length;
  if (topP < 1) {
    let sum = 0;
    let needed = 0;
    const within = topK > 0 ? weights.slice(0, kept).reduce((all, weight) => all + weight, 0) : total;
    while (needed < kept && sum < topP * within) sum += weights[needed++];
    kept = needed;
  }
  if (minP > 0) kept = Math.min(kept, weights.filter((weight) => weight >= minP * weights[0]).length);
  if (topK > 0 || topP < 1 || minP > 0) others = 0;
  if (temperature === 0) [kept, others] = [1, 0];
  const left = weights.slice(0, kept).reduce((sum, weight) => sum + weight, others);
  const shares = top.map(({ text, logit }, n) => ({
    text,
    logit,
    p: n < kept ? weights[n] / left : 0,
    isIn: n < kept,
  }));
  return { shares, rest: others / left };
}

export const view: View = {
  controls(context) {
    const { state, set, redraw } = context;
    const { sampling } = state;
    const knob = (key: keyof State['sampling'], low: number, high: number, step: number) =>
      slider({
        key,
        text: t(`softmax.${key}`),
        low,
        high,
        step,
        value: sampling[key],
        chosen: (value) => {
          counts = undefined;
          set({ sampling: { ...sampling, [key]: value } });
        },
      });
    const seed = h('input', {
      type: 'number',
      min: 0,
      max: 4294967295,
      'data-focus': 'seed',
      value: state.seed,
    });
    seed.addEventListener('change', () => set({ seed: Math.max(0, Math.trunc(Number(seed.value)) || 0) }));
    return [
      row(
        knob('temperature', 0, 3, 0.1),
        knob('topK', 0, 40, 1),
        knob('topP', 0.05, 1, 0.05),
        knob('minP', 0, 0.5, 0.01),
      ),
      row(
        button('throw', t('softmax.throw'), () => throwOnce(context)),
        button('throws', t('softmax.throws', { count: THROWS }), () => throwMany(context, redraw)),
        h('label', { class: 'choice' }, t('softmax.seed'), ' ', seed),
        check('dice', t('softmax.newSeed'), state.newSeed, (newSeed) => set({ newSeed })),
      ),
    ];
  },
  picture({ get, state, width }) {
    const picture = get('softmax');
    if (!picture) return [];
    const { shares, rest } = sharesOf(picture, state.sampling);
    const said = thrown
      ? h(
          'p',
          { role: 'status' },
          t('softmax.thrown', { u: full(thrown.u), seed: thrown.seed }),
          ' ',
          model(thrown.text),
        )
      : h('p', { role: 'status' }, t('softmax.notThrown'));
    return [
      said,
      sharesFigure(
        shares.slice(0, SHOWN),
        shares.slice(SHOWN).reduce((sum, { p }) => sum + p, rest),
        width,
      ),
    ];
  },
};

function sharesFigure(shares: readonly Share[], rest: number, width: number): HTMLElement {
  const rowHeight = 28;
  const left = Math.min(150, width * 0.34);
  const isNarrow = width < 480;
  const number = isNarrow ? 62 : 130;
  const most = Math.max(...shares.map(({ p }) => p), rest);
  const wide = width - left - number - 8;
  const marks = shares.flatMap(({ text, logit, p, isIn }, n) => {
    const y = n * rowHeight + rowHeight / 2;
    const many = counts?.get(text) ?? 0;
    return [
      tokenLabel(left - 10, y, text, left - 14, 'end'),
      bar(left, y - 9, (wide * p) / most, 18, n === 0 ? 'fill-accent' : 'fill-soft'),
      ...(counts
        ? [
            s('circle', {
              cx: left + (wide * Math.min(many / THROWS, most)) / most,
              cy: y,
              r: 4,
              class: 'fill-query',
            }),
          ]
        : []),
      ...(isNarrow ? [] : [label(width - 72, y, fixed(logit), 'number muted', 'end')]),
      label(width - 2, y, isIn ? pct(p) : t('softmax.cut'), 'number', 'end'),
    ];
  });
  const y = shares.length * rowHeight + rowHeight / 2;
  const title = t('softmax.title');
  return figure({
    title,
    desc: t('softmax.desc', { token: visible(shares[0].text), share: pct(shares[0].p), rest: pct(rest) }),
    width,
    height: (shares.length + 1) * rowHeight,
    marks: [
      ...marks,
      label(left - 10, y, t('softmax.rest'), 'muted', 'end'),
      bar(left, y - 9, (wide * rest) / most, 18, 'fill-rest'),
      label(width - 2, y, pct(rest), 'number', 'end'),
    ],
    table: {
      head: [t('word.token'), t('word.logit'), t('word.probability'), t('softmax.count')],
      rows: shares.map(({ text, logit, p }) => [
        visible(text),
        fixed(logit),
        pct(p),
        counts?.get(text) ?? '–',
      ]),
    },
  });
}

/** The token in whose share `u` falls, best first. */
function fallen(shares: readonly Share[], u: number): string {
  let sum = 0;
  for (const { text, p } of shares) {
    sum += p;
    if (u < sum) return text;
  }
  return t('softmax.rest');
}

function throwOnce({ get, state, set, did, redraw }: Context): void {
  const picture = get('softmax');
  if (!picture) return;
  const seed = state.newSeed ? crypto.getRandomValues(new Uint32Array(1))[0] : state.seed;
  const u = Rng.fromSeed(seed).next();
  thrown = { text: fallen(sharesOf(picture, state.sampling).shares, u), u, seed };
  did('throw');
  if (seed !== state.seed) set({ seed });
  else redraw();
}

function throwMany({ get, state }: Context, redraw: () => void): void {
  const picture = get('softmax');
  if (!picture) return;
  const rng = Rng.fromSeed(state.seed);
  const { shares } = sharesOf(picture, state.sampling);
  const many = new Map<string, number>();
  for (let n = 0; n < THROWS; n++) {
    const text = fallen(shares, rng.next());
    many.set(text, (many.get(text) ?? 0) + 1);
  }
  counts = many;
  redraw();
}
