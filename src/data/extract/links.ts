// Lists and blocks that are mostly links: menus without a name that tells.

import { visibleLength } from './facts.ts';
import { type HtmlElement, isElement, isText } from './html-tree.ts';

/** Elements that go as a whole when more than this part of their text is links. */
const MAX_LINK_SHARE = 0.8;
const JUDGED = new Set('ul ol dl div p section td center fieldset table figure'.split(' '));

interface Counts {
  text: number;
  links: number;
}

export interface DroppedElements {
  /** What is no text of the page anyway; what is in it is not listed. */
  readonly leftOut: ReadonlySet<HtmlElement>;
  /** Lists and blocks of links. */
  readonly linkLists: ReadonlySet<HtmlElement>;
}

/** @param isLeftOut asked once for every element that is not in one that is left out */
export function droppedElements(
  root: HtmlElement,
  isLeftOut: (element: HtmlElement, isInContent: boolean) => boolean,
): DroppedElements {
  const leftOut = new Set<HtmlElement>();
  const order: { readonly element: HtmlElement; readonly isInLink: boolean }[] = [];
  const open = [{ element: root, isInLink: false, isInContent: false }];
  for (let step = open.pop(); step; step = open.pop()) {
    const { element } = step;
    const { tagName } = element;
    if (isLeftOut(element, step.isInContent)) {
      leftOut.add(element);
      continue;
    }
    const isInLink = step.isInLink || (tagName === 'a' && element.attrs.some(({ name }) => name === 'href'));
    const isInContent =
      step.isInContent || tagName === 'main' || tagName === 'article' || tagName === 'section';
    order.push({ element, isInLink });
    for (const child of element.childNodes)
      if (isElement(child)) open.push({ element: child, isInLink, isInContent });
  }
  const counts = new Map<HtmlElement, Counts>();
  const linkLists = new Set<HtmlElement>();
  for (let i = order.length - 1; i >= 0; i--) {
    const own = countsOf(order[i], counts);
    counts.set(order[i].element, own);
    if (JUDGED.has(order[i].element.tagName) && own.links > MAX_LINK_SHARE * own.text)
      linkLists.add(order[i].element);
  }
  return { leftOut, linkLists };
}

function countsOf(
  { element, isInLink }: { element: HtmlElement; isInLink: boolean },
  counts: ReadonlyMap<HtmlElement, Counts>,
) {
  const own = { text: 0, links: 0 };
  // Whatever a formula or code says is the page's own.
  const isOwn =
    ['math', 'pre', 'code', 'script'].includes(element.tagName) || /^h[1-6]$/.test(element.tagName);
  for (const child of element.childNodes) {
    if (isText(child)) {
      const length = visibleLength(child.value);
      own.text += length;
      if (isInLink && !isOwn) own.links += length;
    } else if (isElement(child)) {
      const inner = counts.get(child);
      own.text += inner?.text ?? 0;
      if (!isOwn) own.links += inner?.links ?? 0;
    }
  }
  return own;
}
