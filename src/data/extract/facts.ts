// What is in each element, counted once from the leaves up: asking every element anew would take time in the square of
// a page's depth.

import { attribute, elementsBelow, type HtmlElement, hasClass, isElement, isText } from './html-tree.ts';

export interface ElementFacts {
  /** Characters but white space, outside formulas, scripts and styles. */
  textLength: number;
  /** Those of them in paragraphs, headings, lists, tables and code. */
  paragraphLength: number;
  hasFormula: boolean;
  hasLink: boolean;
  /** The page's main part or its title is in it: `<main>`, `<article>`, `<h1>`. */
  hasContent: boolean;
}

const UNSEEN = new Set(['script', 'style', 'noscript', 'template', 'svg', 'head']);
const PARAGRAPHS = new Set('p h1 h2 h3 h4 h5 h6 li dd blockquote pre td'.split(' '));

export type PageFacts = ReadonlyMap<HtmlElement, ElementFacts>;

export function factsOf(root: HtmlElement): PageFacts {
  const order = [root, ...elementsBelow(root)];
  const facts = new Map<HtmlElement, ElementFacts>();
  // Children before parents: the reverse of the order that has parents first.
  for (let i = order.length - 1; i >= 0; i--) {
    const own = ownFacts(order[i]);
    for (const child of order[i].childNodes) {
      if (isText(child)) own.textLength += visibleLength(child.value);
      else if (isElement(child)) add(own, facts.get(child)!, child);
    }
    if (UNSEEN.has(order[i].tagName) || order[i].tagName === 'math') own.textLength = 0;
    if (PARAGRAPHS.has(order[i].tagName)) own.paragraphLength = own.textLength;
    facts.set(order[i], own);
  }
  return facts;
}

function ownFacts(element: HtmlElement): ElementFacts {
  return {
    textLength: 0,
    paragraphLength: 0,
    hasFormula: isFormulaElement(element),
    hasLink: element.tagName === 'a',
    hasContent: false,
  };
}

function add(own: ElementFacts, inner: ElementFacts, child: HtmlElement): void {
  own.textLength += inner.textLength;
  own.paragraphLength += inner.paragraphLength;
  own.hasFormula ||= inner.hasFormula;
  own.hasLink ||= inner.hasLink;
  own.hasContent ||= inner.hasContent || isContent(child);
}

function isContent(element: HtmlElement): boolean {
  if (element.tagName === 'article') return !isReaderComment(element);
  return element.tagName === 'main' || element.tagName === 'h1';
}

/** WordPress marks every reader's comment as an article. */
export function isReaderComment(element: HtmlElement): boolean {
  return element.tagName === 'article' && hasClass(element, /^comment(-body|-\d+)?$/i);
}

export function isFormulaElement(element: HtmlElement): boolean {
  if (element.tagName === 'math') return true;
  return element.tagName === 'script' && /^math\//i.test(attribute(element, 'type') ?? '');
}

/** Characters that are no white space. */
export function visibleLength(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 32 && text.charCodeAt(i) !== 0xa0) length++;
  return length;
}
