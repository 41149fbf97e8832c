// Formulas that stand in a page's text between delimiters, for MathJax or KaTeX to find: \( \), \[ \], $, $$, those of
// forums, and those that the page's own configuration names. Environments stay as they are.

import { cleanTex } from './formula.ts';

export interface Delimiter {
  readonly open: string;
  readonly close: string;
  readonly isDisplay: boolean;
}

export interface PageDelimiters {
  readonly list: readonly Delimiter[];
  /** The page loads MathJax or KaTeX: a lone $ is likely a delimiter. */
  readonly hasTypesetter: boolean;
}

const ALWAYS: readonly Delimiter[] = [
  { open: '\\(', close: '\\)', isDisplay: false },
  { open: '\\[', close: '\\]', isDisplay: true },
  { open: '[tex]', close: '[/tex]', isDisplay: true },
  { open: '[itex]', close: '[/itex]', isDisplay: false },
  { open: '[latex]', close: '[/latex]', isDisplay: false },
  { open: '$$', close: '$$', isDisplay: true },
  { open: '$', close: '$', isDisplay: false },
];

/** Pairs that a page's configuration may add, and how long a delimiter may be. */
const MAX_PAIRS = 16;
const MAX_DELIMITER_LENGTH = 16;
/** Environments without an end that are looked for in one text. */
const MAX_MISSING = 64;

/** @param scripts addresses and texts of the page's scripts */
export function pageDelimiters(scripts: string): PageDelimiters {
  const own = [
    ...listedPairs(scripts, /inlineMath['"]?\s*:\s*\[/g, false),
    ...listedPairs(scripts, /displayMath['"]?\s*:\s*\[/g, true),
    ...autoRenderPairs(scripts),
  ].slice(0, MAX_PAIRS);
  const isNew = (pair: Delimiter) => !ALWAYS.some(({ open }) => open === pair.open);
  const list = [...own.filter(isNew), ...ALWAYS].sort((x, y) => y.open.length - x.open.length);
  return { list, hasTypesetter: /mathjax|katex/i.test(scripts) };
}

/** MathJax's `inlineMath: [['$', '$'], ['\\\\(', '\\\\)']]`. */
function listedPairs(scripts: string, start: RegExp, isDisplay: boolean): Delimiter[] {
  const pair = /\s*,?\s*\[\s*(['"])((?:(?!\1)[^\n]){1,32})\1\s*,\s*(['"])((?:(?!\3)[^\n]){1,32})\3\s*\]/y;
  const found: Delimiter[] = [];
  for (const { index, 0: opening } of scripts.matchAll(start)) {
    pair.lastIndex = index + opening.length;
    for (let match = pair.exec(scripts); match && found.length < MAX_PAIRS; match = pair.exec(scripts))
      found.push(...delimiter(match[2], match[4], isDisplay));
  }
  return found;
}

/** KaTeX's `delimiters: [{left: '$', right: '$', display: false}, …]`. */
function autoRenderPairs(scripts: string): Delimiter[] {
  const text = (quote: number) => `(['"])(.{1,32}?)\\${quote}`;
  const name = (word: string) => `['"]?${word}['"]?\\s*:\\s*`;
  const pattern = new RegExp(
    `${name('left')}${text(1)}\\s*,\\s*${name('right')}${text(3)}\\s*,\\s*${name('display')}(true|false)`,
    'g',
  );
  return [...scripts.matchAll(pattern)].flatMap(([, , left, , right, display]) =>
    delimiter(left, right, display === 'true'),
  );
}

/** Scripts write a backslash twice. Environments are no delimiters: they stay in the text. */
function delimiter(open: string, close: string, isDisplay: boolean): Delimiter[] {
  const pair = { open: open.replaceAll('\\\\', '\\'), close: close.replaceAll('\\\\', '\\'), isDisplay };
  const isUsable = (text: string) => text !== '' && text.length <= MAX_DELIMITER_LENGTH;
  return isUsable(pair.open) && isUsable(pair.close) && !pair.open.startsWith('\\begin') ? [pair] : [];
}

/** The text with every formula between delimiters as `$…$` or `$$…$$`. */
export function withFormulas(text: string, page: PageDelimiters): string {
  const firsts = new Set(page.list.map(({ open }) => open[0]));
  /** Closing delimiters that do not occur any more: looked for once. */
  const missing = new Set<string>();
  let result = '';
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const found = text[at] === '\\' || firsts.has(text[at]) ? formulaAt(text, at, page, missing) : null;
    if (!found) {
      at += skipAt(text, at, page.list);
      continue;
    }
    result += text.slice(copied, at) + found.text;
    copied = at = found.end;
  }
  return result + text.slice(copied);
}

/** An escaped character is passed over with its backslash, unless the two open a formula that was not closed. */
function skipAt(text: string, at: number, list: readonly Delimiter[]): number {
  return text[at] === '\\' && !list.some(({ open }) => open[0] === '\\' && text.startsWith(open, at)) ? 2 : 1;
}

function formulaAt(
  text: string,
  at: number,
  page: PageDelimiters,
  missing: Set<string>,
): { text: string; end: number } | null {
  const environment = text.startsWith('\\begin{', at) ? environmentEnd(text, at, missing) : 0;
  if (environment > 0) return { text: text.slice(at, environment), end: environment };
  for (const { open, close, isDisplay } of page.list) {
    if (!text.startsWith(open, at) || missing.has(close)) continue;
    const end = closing(text, at + open.length, close);
    if (end < 0) {
      missing.add(close);
      continue;
    }
    const tex = text.slice(at + open.length, end);
    const isFormula =
      open === '$' || open === '$$'
        ? isDollarFormula(tex, text[end + close.length], page)
        : tex.trim() !== '';
    if (!isFormula) continue;
    const mark = isDisplay ? '$$' : '$';
    return { text: `${mark}${cleanTex(tex)}${mark}`, end: end + close.length };
  }
  return null;
}

/** The place of the delimiter, not behind a backslash of its own. */
function closing(text: string, begin: number, close: string): number {
  for (let at = text.indexOf(close, begin); at >= 0; at = text.indexOf(close, at + 1)) {
    if (close[0] !== '$' || text[at - 1] !== '\\') return at;
  }
  return -1;
}

function environmentEnd(text: string, at: number, missing: Set<string>): number {
  const name = /^\\begin\{([a-zA-Z]{1,20}\*?)\}/.exec(text.slice(at, at + 32))?.[1];
  if (!name || missing.has(`\\end{${name}}`) || missing.size > MAX_MISSING) return 0;
  const end = text.indexOf(`\\end{${name}}`, at);
  if (end < 0) missing.add(`\\end{${name}}`);
  return end < 0 ? 0 : end + name.length + 6;
}

/**
 * Prices are no formulas: a stretch between two $ counts where it has a command, ^ or _, or where a typesetter is on
 * the page and the marks stand like delimiters (no space inside them, no digit behind).
 */
function isDollarFormula(tex: string, next: string | undefined, { hasTypesetter }: PageDelimiters): boolean {
  if (tex.trim() === '' || tex.length > 2000 || tex.includes('$')) return false;
  if (/\\[a-zA-Z]|[\^_]/.test(tex)) return !/^\d[\d,.]*\s+[a-z]/i.test(tex) || /\\[a-zA-Z]|\^/.test(tex);
  if (!hasTypesetter) return false;
  return !/\s$/.test(tex) && !/^\s/.test(tex) && !/[0-9]/.test(next ?? '');
}
