// View 7: answers as a tree: each node a token with its chance; go on from any of them.

import { button } from '../ui/controls.ts';
import { h, model, visible } from '../ui/dom.ts';
import { twin } from '../ui/figure.ts';
import { fixed, pct } from '../ui/format.ts';
import { t } from '../ui/text.ts';
import { addBranch, type Branch, branchesOf, nameBranch } from './branch-tree.ts';
import type { Context, View } from './view.ts';

export const view: View = {
  isOwnCompare: true,
  picture(context) {
    const picture = context.get('tokens');
    if (!picture) return [];
    const { state } = context;
    const numAsked = picture.ids.length - state.answer.length;
    const root = branchesOf(state);
    const texts = picture.texts.slice(numAsked);
    const shares = state.answer.map(
      (id, n) => picture.next[numAsked + n - 1]?.find((one) => one.id === id)?.p,
    );
    addBranch(root, state.answer, texts, shares);
    const at = find(root, state.answer);
    if (at)
      at.next = picture.next[picture.next.length - 1].slice(0, 4).map(({ id, text, p }) => ({ id, text, p }));
    return [
      h('p', {}, t('branches.how')),
      h('ul', { class: 'tree', 'aria-label': t('branches.tree') }, node(context, root, [])),
      ...compared(root),
    ];
  },
};

/** Two answers or more beside each other: how long, how likely, and what they say. */
function compared(root: Branch): Node[] {
  const ends = answersOf(root);
  if (ends.length < 2) return [];
  const rows = ends.map(({ name, text, shares }, n) => {
    const known = shares.filter((p) => p !== undefined);
    const bits = known.reduce((sum, p) => sum - Math.log2(p), 0);
    const isKnown = known.length === shares.length;
    return [
      name || String(n + 1),
      shares.length,
      isKnown ? fixed(bits) : '–',
      isKnown ? fixed(bits / shares.length) : '–',
      visible(text),
    ];
  });
  const title = t('branches.compared');
  const head = [
    t('branches.name'),
    t('branches.tokens'),
    t('branches.bits'),
    t('branches.each'),
    t('branches.text'),
  ];
  return [h('h3', {}, title), h('p', {}, t('branches.comparedHow')), twin(title, { head, rows }, true)];
}

interface WholeAnswer {
  readonly name: string;
  readonly text: string;
  readonly shares: readonly (number | undefined)[];
}

/** Every answer of the tree, from its first token to its end. */
function answersOf(branch: Branch, before: WholeAnswer = { name: '', text: '', shares: [] }): WholeAnswer[] {
  const here =
    branch.id < 0
      ? before
      : { name: branch.name ?? '', text: before.text + branch.text, shares: [...before.shares, branch.p] };
  if (branch.children.length === 0) return branch.id < 0 ? [] : [here];
  return branch.children.flatMap((child) => answersOf(child, here));
}

function find(root: Branch, answer: readonly number[]): Branch | undefined {
  let at: Branch | undefined = root;
  for (const id of answer) at = at?.children.find((child) => child.id === id);
  return at;
}

function node(context: Context, branch: Branch, path: readonly number[]): HTMLElement {
  const { state, set } = context;
  // A run of only children stands on one line.
  const line: { branch: Branch; path: readonly number[] }[] = [{ branch, path }];
  let end = line[0];
  while (end.branch.children.length === 1) {
    const [child] = end.branch.children;
    end = { branch: child, path: [...end.path, child.id] };
    line.push(end);
  }
  const isHere = (place: readonly number[]) => place.join() === state.answer.join();
  const items = line.map(({ branch: one, path: place }) =>
    button(
      `branch-${place.join('.')}`,
      one.id < 0 ? h('span', {}, t('branches.root')) : model(one.text),
      () => set({ answer: place, token: undefined }),
      {
        class: 'chip',
        'aria-pressed': isHere(place),
        'aria-label':
          one.id < 0
            ? t('branches.root')
            : t('branches.node', { token: visible(one.text), share: one.p === undefined ? '–' : pct(one.p) }),
      },
    ),
  );
  const guesses = isHere(end.path)
    ? (end.branch.next ?? [])
        .filter(({ id }) => !end.branch.children.some((child) => child.id === id))
        .map(({ id, text, p }) =>
          button(
            `next-${id}`,
            h('span', {}, '+ ', model(text), ' ', h('span', { class: 'muted', 'data-model': true }, pct(p))),
            () => set({ answer: [...end.path, id], token: undefined }),
            { class: 'chip is-guess' },
          ),
        )
    : [];
  return h(
    'li',
    {},
    h('div', { class: 'chips' }, ...items, nameField(end.branch), ...guesses),
    end.branch.children.length > 0 &&
      h('ul', {}, ...end.branch.children.map((child) => node(context, child, [...end.path, child.id]))),
  );
}

/** A leaf can be given a name. */
function nameField(branch: Branch): HTMLElement | false {
  if (branch.children.length > 0 || branch.id < 0) return false;
  const field = h('input', {
    class: 'branch-name',
    'aria-label': t('branches.name'),
    placeholder: t('branches.name'),
    value: branch.name ?? '',
    'data-focus': `name-${branch.id}`,
  });
  field.addEventListener('change', () => nameBranch(branch, field.value));
  return field;
}
