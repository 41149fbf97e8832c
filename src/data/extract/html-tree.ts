// The tree of a page (parse5: the HTML Standard's own algorithm, so broken markup means what it means in browsers),
// and questions about its elements. Pages can be nested as deep as they are long: nothing here recurses.

import { type DefaultTreeAdapterTypes, defaultTreeAdapter, parse, parseFragment } from 'parse5';
import { MAX_ELEMENTS, withinLimits } from './limits.ts';

export type HtmlNode = DefaultTreeAdapterTypes.ChildNode;
export type HtmlElement = DefaultTreeAdapterTypes.Element;
type HtmlParent = DefaultTreeAdapterTypes.ParentNode;

/**
 * The root element of a page.
 *
 * @throws RangeError for a page that becomes more than MAX_ELEMENTS elements
 */
export function parsePage(html: string): HtmlElement {
  let numElements = 0;
  const treeAdapter: typeof defaultTreeAdapter = {
    ...defaultTreeAdapter,
    createElement: (...args) => {
      if (++numElements > MAX_ELEMENTS)
        throw new RangeError(`html: expected at most ${MAX_ELEMENTS} elements once parsed, got more`);
      return defaultTreeAdapter.createElement(...args);
    },
  };
  return parse(withinLimits(html), { treeAdapter }).childNodes.find(isElement)!;
}

/** The elements and texts of a piece of markup, under one element. */
export function parsePiece(html: string): HtmlParent {
  return parseFragment(html);
}

export function isElement(node: HtmlNode | HtmlParent): node is HtmlElement {
  return 'tagName' in node;
}

export function isText(node: HtmlNode): node is DefaultTreeAdapterTypes.TextNode {
  return node.nodeName === '#text';
}

export function attribute(element: HtmlElement, name: string): string | undefined {
  return element.attrs.find((attr) => attr.name === name)?.value;
}

export function hasClass(element: HtmlElement, pattern: RegExp): boolean {
  return (attribute(element, 'class') ?? '').split(/\s+/).some((name) => pattern.test(name));
}

/** Every node below, parents first. */
export function* descendants(root: HtmlParent): Generator<HtmlNode> {
  const open = [...root.childNodes].reverse();
  for (let node = open.pop(); node; node = open.pop()) {
    yield node;
    if (isElement(node)) for (let i = node.childNodes.length - 1; i >= 0; i--) open.push(node.childNodes[i]);
  }
}

export function* elementsBelow(root: HtmlParent): Generator<HtmlElement> {
  for (const node of descendants(root)) if (isElement(node)) yield node;
}

export function firstBelow(root: HtmlParent, wanted: (element: HtmlElement) => boolean): HtmlElement | null {
  for (const element of elementsBelow(root)) if (wanted(element)) return element;
  return null;
}

/** The texts below in order; a `<br>` is a newline. */
export function textContent(root: HtmlParent): string {
  const pieces: string[] = [];
  for (const node of descendants(root)) {
    if (isText(node)) pieces.push(node.value);
    else if (isElement(node) && node.tagName === 'br') pieces.push('\n');
  }
  return pieces.join('');
}

/** The first of siblings from `begin` on that is not white space or a comment. */
export function siblingFrom(siblings: readonly HtmlNode[], begin: number): HtmlNode | null {
  for (let i = begin; i < siblings.length; i++) {
    const node = siblings[i];
    if (isElement(node) || (isText(node) && node.value.trim() !== '')) return node;
  }
  return null;
}
