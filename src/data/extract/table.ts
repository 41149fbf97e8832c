// Whether a table holds data or only lays out a page, and its rows as text. Pages of twenty years ago are tables from
// end to end.

import { type HtmlElement, isElement } from './html-tree.ts';

const BLOCKS = new Set(
  'p div table ul ol dl pre blockquote h1 h2 h3 h4 h5 h6 article section form hr figure center'.split(' '),
);
/** Rows and cells that are looked at to decide. */
const MAX_LOOKED_AT = 2000;

/** With header cells, or at least two by two without blocks in its cells; a table in a cell means layout. */
export function isDataTable(table: HtmlElement): boolean {
  let numRows = 0;
  let numColumns = 0;
  let hasHeader = false;
  let hasBlock = false;
  for (const row of rowsOf(table)) {
    const cells = cellsOf(row);
    if (++numRows > MAX_LOOKED_AT) break;
    numColumns = Math.max(numColumns, cells.length);
    hasHeader ||= cells.some(({ tagName }) => tagName === 'th');
    for (const cell of cells.slice(0, MAX_LOOKED_AT)) {
      const blocks = blocksIn(cell);
      if (blocks.has('table') || blocks.has('h1') || blocks.has('h2')) return false;
      hasBlock ||= blocks.size > 0;
    }
  }
  return numRows > 0 && numColumns > 1 && (hasHeader || (numRows >= 2 && !hasBlock));
}

export function rowsOf(table: HtmlElement): HtmlElement[] {
  return table.childNodes
    .filter(isElement)
    .flatMap((part) =>
      part.tagName === 'tr' ? [part] : /^t(head|body|foot)$/.test(part.tagName) ? childRows(part) : [],
    );
}

function childRows(part: HtmlElement): HtmlElement[] {
  return part.childNodes.filter(isElement).filter(({ tagName }) => tagName === 'tr');
}

export function cellsOf(row: HtmlElement): HtmlElement[] {
  return row.childNodes.filter(isElement).filter(({ tagName }) => tagName === 'td' || tagName === 'th');
}

/** Names of blocks among the first nodes of a cell. */
function blocksIn(cell: HtmlElement): Set<string> {
  const found = new Set<string>();
  const open = [...cell.childNodes];
  for (let left = 200; open.length > 0 && left > 0; left--) {
    const node = open.pop()!;
    if (!isElement(node)) continue;
    if (BLOCKS.has(node.tagName)) found.add(node.tagName);
    open.push(...node.childNodes.slice(0, 50));
  }
  return found;
}

/** `| a | b |` for each row; a line of dashes behind the first. Rows are padded to the widest of the first hundred. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const filled = rows.filter((cells) => cells.some((cell) => cell !== ''));
  const width = filled.slice(0, 100).reduce((most, cells) => Math.max(most, cells.length), 0);
  const line = (cells: readonly string[]) =>
    `| ${[...cells, ...new Array(Math.max(0, width - cells.length)).fill('')].join(' | ')} |`;
  const [first, ...rest] = filled;
  if (!first) return '';
  return [line(first), `|${'---|'.repeat(width)}`, ...rest.map(line)].join('\n');
}
