// View 1: the whole prompt as the model gets it, template and all; how surprising each token was; what could have
// stood there.

import type { TokenPicture } from '../engine/protocol.ts';
import { barsFigure } from '../ui/bars.ts';
import { h, model, visible } from '../ui/dom.ts';
import { twin } from '../ui/figure.ts';
import { fixed, pct } from '../ui/format.ts';
import { type TextKey, t } from '../ui/text.ts';
import { type Context, chosenToken, type View } from './view.ts';

/** A bar is full at so many bits. */
const FULL_BITS = 16;

export const view: View = {
  picture(context) {
    const picture = context.get('tokens');
    if (!picture) return [];
    const chosen = chosenToken(context.state, picture.ids.length);
    const next = picture.next[chosen];
    const title = t('tokens.next', { token: visible(picture.texts[chosen]) });
    return [
      h('div', { class: 'runs' }, ...runsOf(picture).map((run) => runOf(context, picture, run, chosen))),
      tokenTable(picture),
      h('h3', {}, title),
      barsFigure(title, next, context.width, picture.ids[chosen + 1] ?? next[0].id),
      h('p', { class: 'row' }, ...alternatives(context, picture, chosen)),
    ];
  },
};

interface Run {
  readonly role: string;
  readonly from: number;
  readonly to: number;
}

/** Stretches of tokens of one role. */
function runsOf({ roles }: TokenPicture): Run[] {
  const runs: Run[] = [];
  for (const [at, role] of roles.entries()) {
    const last = runs.at(-1);
    if (last?.role === role) runs[runs.length - 1] = { ...last, to: at + 1 };
    else runs.push({ role, from: at, to: at + 1 });
  }
  return runs;
}

function runOf(
  context: Context,
  picture: TokenPicture,
  { role, from, to }: Run,
  chosen: number,
): HTMLElement {
  const chips = picture.ids.slice(from, to).map((_, i) => chip(context, picture, from + i, chosen));
  const list = h('ol', { class: 'chips', start: from, role: 'list' }, ...chips);
  const name = t(`role.${role}` as TextKey);
  if (role !== 'system' || (chosen >= from && chosen < to)) {
    return h('div', { class: `run role-${role}` }, h('p', { class: 'run-name' }, name), list);
  }
  const summary = h('summary', { class: 'run-name' }, t('tokens.folded', { role: name, count: to - from }));
  return h('details', { class: `run role-${role}` }, summary, list);
}

function chip({ set }: Context, picture: TokenPicture, at: number, chosen: number): HTMLElement {
  const bits = picture.surprise[at];
  const fragment = picture.bytes[at];
  const share = Math.min(1, bits / FULL_BITS);
  const text = fragment
    ? h('span', { class: 'bytes', 'data-model': true }, fragment)
    : model(picture.texts[at]);
  return h(
    'li',
    {},
    h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'data-focus': `token-${at}`,
        'aria-pressed': at === chosen,
        onclick: () => set({ token: at }),
      },
      text,
      h('span', { class: 'chip-id', 'data-model': true }, picture.ids[at]),
      h('span', { class: 'sr' }, ` ${t('tokens.bits', { bits: fixed(bits) })}`),
      h('span', { class: 'surprise', style: `--share:${share.toFixed(3)}` }),
    ),
  );
}

function tokenTable(picture: TokenPicture): HTMLElement {
  return twin(t('tokens.table'), {
    head: [
      t('word.position'),
      t('word.token'),
      t('word.bytes'),
      t('word.id'),
      t('word.role'),
      t('word.bits'),
    ],
    rows: picture.ids.map((id, at) => [
      at,
      visible(picture.texts[at]),
      picture.bytes[at],
      id,
      t(`role.${picture.roles[at]}` as TextKey),
      fixed(picture.surprise[at]),
    ]),
  });
}

/** Other tokens to go on from; the answer is cut there. */
function alternatives({ state, set }: Context, picture: TokenPicture, chosen: number): Node[] {
  const numAsked = picture.ids.length - state.answer.length;
  const kept = chosen + 1 - numAsked;
  if (kept < 0 || state.model === 'stored') return [];
  return picture.next[chosen].slice(0, 6).map(({ id, text, p }) =>
    h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'data-focus': `go-${id}`,
        title: t('tokens.goOn', { token: visible(text), share: pct(p) }),
        onclick: () => set({ answer: [...state.answer.slice(0, kept), id], token: undefined }),
      },
      '→ ',
      model(text),
    ),
  );
}
