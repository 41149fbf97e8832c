// The tree of answers that were given to one prompt by one model under the same edits; kept while the page is open.

import { type State, subjectOf } from '../state.ts';

export interface Branch {
  /** −1 at the root: the prompt itself. */
  readonly id: number;
  readonly text: string;
  /** The model's own chance of it where it stands. */
  readonly p: number | undefined;
  readonly children: Branch[];
  next?: readonly { readonly id: number; readonly text: string; readonly p: number }[];
  name?: string;
}

const trees = new Map<string, Branch>();

export function branchesOf(state: State): Branch {
  const key = JSON.stringify({ ...subjectOf(state), answer: [] });
  const root = trees.get(key) ?? { id: -1, text: '', p: undefined, children: [] };
  trees.set(key, root);
  return root;
}

export function addBranch(
  root: Branch,
  ids: readonly number[],
  texts: readonly string[],
  shares: readonly (number | undefined)[],
): void {
  let at = root;
  for (const [n, id] of ids.entries()) {
    let child = at.children.find((one) => one.id === id);
    if (!child) {
      child = { id, text: texts[n] ?? '', p: shares[n], children: [] };
      at.children.push(child);
    }
    at = child;
  }
}

export function nameBranch(branch: Branch, name: string): void {
  branch.name = name.slice(0, 80);
}
