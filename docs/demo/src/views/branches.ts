// View 7: answers as a tree: each node a token with its chance; go on from any of them.

import { button } from '../ui/controls.ts';
import { h, model, visible } from '../ui/dom.ts';
import { pct } from '../ui/format.ts';
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
    ];
  },
};

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
