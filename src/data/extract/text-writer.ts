// Where extracted text is put together: inline pieces become blocks, blocks become the page's text with an empty line
// between them. White space is collapsed here, and formulas between delimiters are found here, block by block.

import { type PageDelimiters, withFormulas } from './delimiters.ts';

/** Text of the page, or something finished that nobody may change any more: a formula, code. */
interface Piece {
  readonly text: string;
  readonly isFinished: boolean;
}

interface Block {
  readonly text: string;
  /** Blocks of one list stand without an empty line between them: the list's number, or 0. */
  readonly list: number;
  readonly quote: string;
}

/** Quotes and lists that are shown as such, one in the other. */
const MAX_LEVELS = 8;

export class TextWriter {
  private readonly page: PageDelimiters;
  private readonly blocks: Block[] = [];
  private pieces: Piece[] = [];
  /** What was open outside the table cells that are open now. */
  private readonly outside: Piece[][] = [];
  private quoteLevel = 0;
  private listLevel = 0;
  /** Lists that are open, definition lists included; the number of the outermost. */
  private openLists = 0;
  private list = 0;
  private numLists = 0;
  /** In front of the next block: `- `, and `## `. */
  private marker = '';
  private heading = '';

  constructor(page: PageDelimiters) {
    this.page = page;
  }

  addText(text: string): void {
    if (text !== '') this.pieces.push({ text, isFinished: false });
  }

  /** A formula or code: stays as it is. */
  addFinished(text: string): void {
    this.pieces.push({ text, isFinished: true });
  }

  /** How many pieces the open block has: what is added from here on can be taken back. */
  mark(): number {
    return this.pieces.length;
  }

  /** Takes back what was added since, as one text. */
  takeFrom(mark: number): string {
    return inlineText(this.pieces.splice(Math.min(mark, this.pieces.length)), this.page);
  }

  /** What is open becomes a block, if there is anything. In a table cell blocks are only parted by a space. */
  endBlock(): void {
    if (this.outside.length > 0) {
      this.addText(' ');
      return;
    }
    const text = inlineText(this.pieces, this.page);
    this.pieces = [];
    if (text !== '') this.put(text);
  }

  /** A block of lines that are as they should be: code, a table. */
  addBlock(text: string): void {
    this.endBlock();
    if (text === '') return;
    if (this.outside.length > 0) this.addFinished(text.replace(/\s*\n\s*/g, ' '));
    else this.put(text);
  }

  openHeading(level: number): void {
    this.endBlock();
    this.heading = `${'#'.repeat(level)} `;
  }

  closeHeading(): void {
    this.endBlock();
    this.heading = '';
  }

  openQuote(): void {
    this.endBlock();
    this.quoteLevel++;
  }

  closeQuote(): void {
    this.endBlock();
    this.quoteLevel--;
  }

  /** @param isItemised its items have markers and are indented; those of a definition list are not */
  openList(isItemised: boolean): void {
    this.endBlock();
    if (this.openLists++ === 0) this.list = ++this.numLists;
    if (isItemised) this.listLevel++;
  }

  closeList(isItemised: boolean): void {
    this.endBlock();
    if (--this.openLists === 0) this.list = 0;
    if (isItemised) this.listLevel--;
  }

  /** The next block is an item; what follows it in the item stands under it. */
  openItem(marker: string): void {
    this.endBlock();
    this.marker = marker;
  }

  closeItem(): void {
    this.endBlock();
    this.marker = '';
  }

  beginCell(): void {
    this.outside.push(this.pieces);
    this.pieces = [];
  }

  /** The cell's text in one line. */
  endCell(): string {
    const text = inlineText(this.pieces, this.page).replace(/\n/g, ' ');
    this.pieces = this.outside.pop()!;
    return text;
  }

  private put(text: string): void {
    const level = Math.min(this.listLevel, MAX_LEVELS);
    const hanging = '  '.repeat(level);
    const first = this.marker === '' ? hanging : hanging.slice(2);
    const quote = '> '.repeat(Math.min(this.quoteLevel, MAX_LEVELS));
    const lines = `${this.marker}${this.heading}${text}`
      .split('\n')
      .map((line, i) => `${quote}${i === 0 ? first : hanging}${line}`);
    this.blocks.push({ text: lines.join('\n'), list: this.list, quote });
    this.marker = '';
  }

  toString(): string {
    this.endBlock();
    let text = '';
    for (const [i, block] of this.blocks.entries()) {
      const before = this.blocks[i - 1];
      if (before) text += separator(before, block);
      text += block.text;
    }
    return text;
  }
}

/** Blocks of one list follow line by line, paragraphs of one quote with an empty quoted line, all others freely. */
function separator(before: Block, block: Block): string {
  if (block.list !== 0 && block.list === before.list) return '\n';
  return block.quote !== '' && block.quote === before.quote ? `\n${block.quote.trimEnd()}\n` : '\n\n';
}

/** Runs of white space as one space, none at the ends of lines; `<br>` has left newlines behind. */
function inlineText(pieces: readonly Piece[], page: PageDelimiters): string {
  let text = '';
  for (let i = 0; i < pieces.length; ) {
    if (pieces[i].isFinished) {
      text += pieces[i++].text;
      continue;
    }
    let run = '';
    for (; i < pieces.length && !pieces[i].isFinished; i++) run += pieces[i].text;
    text += joinedSpaces(withFormulas(run, page), text);
  }
  return text
    .replace(/ +\n/g, '\n')
    .replace(/\n +/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** A space at the beginning goes where one stands before it already. */
function joinedSpaces(run: string, before: string): string {
  const collapsed = run.replace(/[ \t\r\f\u00a0]+/g, ' ');
  return before.endsWith(' ') && collapsed.startsWith(' ') ? collapsed.slice(1) : collapsed;
}
