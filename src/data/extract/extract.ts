// From a web page to its text, with its mathematics: OpenWebMath's aim (Paster et al. 2023) with an extractor of our
// own. The tree is walked once, with a loop: furniture is left out (boilerplate.ts), formulas become $…$ (formula.ts,
// delimiters.ts), the rest becomes Markdown (text-writer.ts).

import { isFurniture, isHidden } from './boilerplate.ts';
import { type PageDelimiters, pageDelimiters, withFormulas } from './delimiters.ts';
import { factsOf, type PageFacts } from './facts.ts';
import { type Formula, formulaOf } from './formula.ts';
import {
  attribute,
  elementsBelow,
  type HtmlElement,
  type HtmlNode,
  hasClass,
  isElement,
  isText,
  parsePage,
  textContent,
} from './html-tree.ts';
import { type DroppedElements, droppedElements } from './links.ts';
import { cellsOf, isDataTable, rowsOf, tableText } from './table.ts';
import { TextWriter } from './text-writer.ts';

/** Pages beyond this are dumps and archives, not pages: in UTF-16 units. */
export const MAX_PAGE_LENGTH = 5 << 20;

const BLOCKS = new Set(
  (
    'address article blockquote body caption center dd details div dl dt fieldset figcaption figure footer form ' +
    'h1 h2 h3 h4 h5 h6 header hgroup hr li main ol p pre section summary table tbody td tfoot th thead tr ul'
  ).split(' '),
);
const CONTENT = new Set(['main', 'article', 'section']);
const CODE = new Set(['code', 'tt', 'kbd', 'samp']);

/**
 * The text of a page as Markdown: blocks parted by an empty line, formulas as `$…$` and `$$…$$`.
 *
 * @param html at most MAX_PAGE_LENGTH units
 * @throws RangeError for a longer page
 */
export function extractText(html: string): string {
  if (html.length > MAX_PAGE_LENGTH)
    throw new RangeError(`html: expected at most ${MAX_PAGE_LENGTH} characters, got ${html.length}`);
  const root = parsePage(html);
  const page = pageDelimiters(scriptsOf(root));
  const facts = factsOf(root);
  const dropped = droppedElements(root, (element, isInContent) => {
    const found = facts.get(element)!;
    return isFurniture(element, found, isInContent) || isHidden(element, found);
  });
  return new Walk(page, facts, dropped).run(root);
}

/** Addresses and texts of scripts that are programs. */
function scriptsOf(root: HtmlElement): string {
  const scripts: string[] = [];
  for (const element of elementsBelow(root)) {
    if (element.tagName === 'link') scripts.push(attribute(element, 'href') ?? '');
    if (element.tagName !== 'script' || /^math\//i.test(attribute(element, 'type') ?? '')) continue;
    scripts.push(attribute(element, 'src') ?? '', textContent(element));
  }
  return scripts.join('\n');
}

/** A node on its way in, or an element on its way out. */
interface Step {
  readonly node: HtmlNode;
  readonly index: number;
  readonly isInContent: boolean;
  readonly leave: (() => void) | null;
}

/** Exponents of exponents that are shown as such. */
const MAX_SCRIPT_LEVELS = 4;
const NOTHING = () => {};

class Walk {
  private readonly page: PageDelimiters;
  private readonly facts: PageFacts;
  private readonly dropped: DroppedElements;
  private readonly writer: TextWriter;
  private readonly open: Step[] = [];
  /** Numbers of the ordered lists that are open; 0 for an unordered one. */
  private readonly counters: number[] = [];
  private scriptLevel = 0;

  constructor(page: PageDelimiters, facts: PageFacts, dropped: DroppedElements) {
    this.page = page;
    this.facts = facts;
    this.dropped = dropped;
    this.writer = new TextWriter(page);
  }

  run(root: HtmlElement): string {
    this.open.push({ node: root, index: 0, isInContent: false, leave: null });
    for (let step = this.open.pop(); step; step = this.open.pop()) {
      if (step.leave) step.leave();
      else if (isText(step.node)) this.writer.addText(step.node.value.replace(/[\n\r]/g, ' '));
      else if (isElement(step.node)) this.enter(step.node, step);
    }
    return this.writer.toString();
  }

  private enter(element: HtmlElement, { index, isInContent }: Step): void {
    if (this.dropped.linkLists.has(element)) return;
    const siblings = element.parentNode?.childNodes ?? [];
    const formula = formulaOf(element, { siblings, index, facts: this.facts.get(element)! });
    if (formula === 'drop') return;
    if (formula) this.addFormula(formula);
    if (formula || this.dropped.leftOut.has(element)) return;
    const leave = this.begin(element);
    if (leave) this.descend(element, isInContent || CONTENT.has(element.tagName), leave);
  }

  private descend(element: HtmlElement, isInContent: boolean, leave: () => void): void {
    if (leave !== NOTHING) this.open.push({ node: element, index: 0, isInContent, leave });
    for (let i = element.childNodes.length - 1; i >= 0; i--)
      this.open.push({ node: element.childNodes[i], index: i, isInContent, leave: null });
  }

  private addFormula({ tex, isDisplay }: Formula): void {
    this.writer.addFinished(isDisplay ? `$$${tex}$$` : `$${tex}$`);
  }

  /** Writes what an element begins with; what is to be done behind its children, or null when they are done. */
  private begin(element: HtmlElement): (() => void) | null {
    const { writer } = this;
    const { tagName } = element;
    if (hasClass(element, /^math-container$/)) return this.addContainer(element);
    if (tagName === 'br') return this.addLineBreak();
    if (tagName === 'pre') return this.addCode(element);
    if (CODE.has(tagName)) return this.addInlineCode(element);
    if (tagName === 'sub' || tagName === 'sup') return this.beginScript(tagName === 'sub' ? '_' : '^');
    if (tagName === 'table' && isDataTable(element)) return this.addTable(element);
    if (!BLOCKS.has(tagName)) return NOTHING;
    writer.endBlock();
    if (/^h[1-6]$/.test(tagName)) return this.beginHeading(Number(tagName[1]));
    if (tagName === 'blockquote') return this.beginQuote();
    if (tagName === 'ul' || tagName === 'ol' || tagName === 'dl') return this.beginList(element);
    if (tagName === 'li') return this.beginItem();
    return () => writer.endBlock();
  }

  private addLineBreak(): null {
    this.writer.addText('\n');
    return null;
  }

  private beginQuote(): () => void {
    this.writer.openQuote();
    return () => this.writer.closeQuote();
  }

  private beginHeading(level: number): () => void {
    this.writer.openHeading(level);
    return () => this.writer.closeHeading();
  }

  private beginList(list: HtmlElement): () => void {
    const start = Number.parseInt(attribute(list, 'start') ?? '1', 10);
    this.counters.push(list.tagName === 'ol' ? (Number.isNaN(start) ? 1 : start) : 0);
    const isItemised = list.tagName !== 'dl';
    this.writer.openList(isItemised);
    return () => {
      this.counters.pop();
      this.writer.closeList(isItemised);
    };
  }

  private beginItem(): () => void {
    const last = this.counters.length - 1;
    const isNumbered = last >= 0 && this.counters[last] !== 0;
    this.writer.openItem(isNumbered ? `${this.counters[last]++}. ` : '- ');
    return () => this.writer.closeItem();
  }

  private beginScript(mark: string): () => void {
    // Deeper ones would be braces around braces without an end.
    if (this.scriptLevel >= MAX_SCRIPT_LEVELS) return NOTHING;
    this.scriptLevel++;
    const begin = this.writer.mark();
    return () => {
      this.scriptLevel--;
      const text = this.writer.takeFrom(begin);
      if (text !== '') this.writer.addText(mark + (Array.from(text).length > 1 ? `{${text}}` : text));
    };
  }

  /** Stack Exchange keeps the source with its own delimiters. */
  private addContainer(element: HtmlElement): null {
    const source = textContent(element)
      .replace(/[\s\u00a0]+/g, ' ')
      .trim();
    const isDelimited = source.length > 2 && source.startsWith('$') && source.endsWith('$');
    this.writer.addFinished(isDelimited ? source : withFormulas(source, this.page));
    return null;
  }

  private addCode(element: HtmlElement): null {
    const code = textContent(element)
      .replace(/\r\n?/g, '\n')
      .replace(/^\n+|\s+$/g, '');
    const fence = '`'.repeat(Math.max(3, longestRun(code) + 1));
    this.writer.addBlock(code === '' ? '' : `${fence}\n${code}\n${fence}`);
    return null;
  }

  private addInlineCode(element: HtmlElement): null {
    const code = textContent(element)
      .replace(/[\s\u00a0]+/g, ' ')
      .trim();
    const fence = '`'.repeat(longestRun(code) + 1);
    const pad = code.startsWith('`') || code.endsWith('`') ? ' ' : '';
    if (code !== '') this.writer.addFinished(fence + pad + code + pad + fence);
    return null;
  }

  /** Cells are walked like anything else; each leaves its text behind when it is done. */
  private addTable(table: HtmlElement): null {
    const rows: string[][] = [];
    this.writer.endBlock();
    this.later(table, () => this.writer.addBlock(tableText(rows)));
    for (const row of rowsOf(table).reverse()) {
      const texts: string[] = [];
      this.later(row, () => void rows.push(texts));
      for (const cell of cellsOf(row).reverse())
        if (!this.dropped.leftOut.has(cell)) this.walkCell(cell, texts);
    }
    const caption = table.childNodes.filter(isElement).find(({ tagName }) => tagName === 'caption');
    if (caption) this.open.push({ node: caption, index: 0, isInContent: true, leave: null });
    return null;
  }

  /** The stack is read from its end: what comes last is pushed first. */
  private walkCell(cell: HtmlElement, texts: string[]): void {
    this.later(cell, () => void texts.push(this.writer.endCell()));
    this.descend(cell, true, NOTHING);
    this.later(cell, () => this.writer.beginCell());
  }

  private later(node: HtmlElement, leave: () => void): void {
    this.open.push({ node, index: 0, isInContent: true, leave });
  }
}

function longestRun(code: string): number {
  return [...code.matchAll(/`+/g)].reduce((most, [run]) => Math.max(most, run.length), 0);
}
