// MathML to TeX: presentation markup (MathML Core, and the older mfenced and mmultiscripts) as somebody would type it.
// Used only where a page has no TeX of its own.

import { attribute, type HtmlElement, isElement, textContent } from './html-tree.ts';
import { ACCENTS, FUNCTIONS, SYMBOLS, UNDER_ACCENTS, WITH_LIMITS } from './mathml-symbols.ts';

/** Deeper than any formula; below it only the characters are kept. */
const MAX_DEPTH = 100;

const VARIANTS: Readonly<Record<string, string>> = {
  bold: 'mathbf',
  'bold-italic': 'boldsymbol',
  'double-struck': 'mathbb',
  script: 'mathcal',
  fraktur: 'mathfrak',
  'sans-serif': 'mathsf',
  monospace: 'mathtt',
  normal: 'mathrm',
};

/** The formula of a `<math>` element, without delimiters. */
export function texOfMathml(math: HtmlElement): string {
  return row(childrenOf(math), 0);
}

type Translation = (children: readonly HtmlElement[], element: HtmlElement, depth: number) => string;

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  mi: (_, element) => identifier(element),
  mn: (_, element) => symbols(tokenText(element)),
  mo: (_, element) => operator(tokenText(element)),
  mtext: (_, element) => quoted(tokenText(element)),
  ms: (_, element) => quoted(tokenText(element)),
  mspace: (_, element) => space(attribute(element, 'width') ?? ''),
  mphantom: () => '',
  none: () => '',
  annotation: () => '',
  'annotation-xml': () => '',
  semantics: (children, _, depth) => tex(children[0], depth),
  mfrac: (children, element, depth) => fraction(children, element, depth),
  msqrt: (children, _, depth) => `\\sqrt{${row(children, depth)}}`,
  mroot: ([radicand, index], _, depth) => `\\sqrt[${tex(index, depth)}]{${tex(radicand, depth)}}`,
  msub: ([base, sub], _, depth) => `${baseOf(base, depth)}_{${tex(sub, depth)}}`,
  msup: ([base, sup], _, depth) => raised(baseOf(base, depth), tex(sup, depth)),
  msubsup: ([base, sub, sup], _, depth) =>
    raised(`${baseOf(base, depth)}_{${tex(sub, depth)}}`, tex(sup, depth)),
  munder: ([base, under], _, depth) => below(tex(base, depth), under, depth),
  mover: ([base, over], _, depth) => above(tex(base, depth), over, depth),
  munderover: ([base, under, over], _, depth) => aroundBase(base, under, over, depth),
  mmultiscripts: (children, _, depth) => multiscripts(children, depth),
  mfenced: (children, element, depth) => fenced(children, element, depth),
  mtable: (children, _, depth) => `\\begin{matrix} ${tableRows(children, depth)} \\end{matrix}`,
  mlabeledtr: (children, _, depth) => row(children.slice(1), depth),
};

function tex(element: HtmlElement | undefined, depth: number): string {
  if (!element) return '';
  if (depth > MAX_DEPTH) return symbols(tokenText(element));
  const children = childrenOf(element);
  const translate = Object.hasOwn(TRANSLATIONS, element.tagName) ? TRANSLATIONS[element.tagName] : null;
  return translate ? translate(children, element, depth + 1) : row(children, depth + 1);
}

function childrenOf(element: HtmlElement): HtmlElement[] {
  return element.childNodes.filter(isElement);
}

/** One after another; a table between brackets is a matrix of that kind. */
function row(elements: readonly HtmlElement[], depth: number): string {
  return matrix(elements, depth) ?? sequence(elements.map((element) => tex(element, depth)));
}

/** A space only where a command would swallow the letter behind it. */
function sequence(pieces: readonly string[]): string {
  let text = '';
  for (const piece of pieces) {
    const runsOn = /\\[a-zA-Z]+$/.test(text) && /^[a-zA-Z]/.test(piece);
    text += runsOn ? ` ${piece}` : piece;
  }
  return text;
}

const MATRICES: Readonly<Record<string, string>> = {
  '()': 'pmatrix',
  '[]': 'bmatrix',
  '||': 'vmatrix',
  '{': 'cases',
};

function matrix(elements: readonly HtmlElement[], depth: number): string | null {
  const [open, table, close] = elements;
  if (elements.length < 2 || elements.length > 3 || onlyTable(table) === null) return null;
  const name = MATRICES[tokenText(open) + (close ? tokenText(close) : '')];
  if (!name || open.tagName !== 'mo') return null;
  return `\\begin{${name}} ${tableRows(childrenOf(onlyTable(table)!), depth + 1)} \\end{${name}}`;
}

function onlyTable(element: HtmlElement): HtmlElement | null {
  let inner = element;
  while (inner.tagName === 'mrow' && childrenOf(inner).length === 1) inner = childrenOf(inner)[0];
  return inner.tagName === 'mtable' ? inner : null;
}

function tableRows(rows: readonly HtmlElement[], depth: number): string {
  const cells = (element: HtmlElement) =>
    childrenOf(element)
      .slice(element.tagName === 'mlabeledtr' ? 1 : 0)
      .map((cell) => tex(cell, depth));
  return rows.map((element) => cells(element).join(' & ')).join(' \\\\ ');
}

function tokenText(element: HtmlElement): string {
  return textContent(element)
    .replace(/[\s\u00a0]+/g, ' ')
    .trim();
}

function symbols(text: string): string {
  return sequence(Array.from(text, (character) => SYMBOLS.get(character) ?? character));
}

function identifier(element: HtmlElement): string {
  const text = tokenText(element);
  if (FUNCTIONS.has(text)) return `\\${text}`;
  const letters = symbols(text);
  const isSingle = Array.from(text).length === 1;
  const variant = VARIANTS[attribute(element, 'mathvariant') ?? (isSingle ? '' : 'normal')];
  return variant && text !== '' && !(variant === 'mathrm' && /^\P{L}+$/u.test(text))
    ? `\\${variant}{${letters}}`
    : letters;
}

function operator(text: string): string {
  return FUNCTIONS.has(text)
    ? `\\${text}`
    : /^[A-Za-z]{2,}$/.test(text)
      ? `\\operatorname{${text}}`
      : symbols(text);
}

function quoted(text: string): string {
  return text === ''
    ? ''
    : `\\text{${text.replace(/[\\{}$%#&_]/g, (mark) => (mark === '\\' ? '\\textbackslash ' : `\\${mark}`))}}`;
}

function space(width: string): string {
  const size = Number.parseFloat(width);
  if (Number.isNaN(size) || size === 0) return '';
  if (size < 0) return '\\!';
  return size >= 2 ? '\\qquad' : size >= 0.9 ? '\\quad' : '\\,';
}

function fraction([top, bottom]: readonly HtmlElement[], element: HtmlElement, depth: number): string {
  const [above, under] = [tex(top, depth), tex(bottom, depth)];
  if (/^0(\D|$)/.test(attribute(element, 'linethickness') ?? '')) return `{${above} \\atop ${under}}`;
  return `\\frac{${above}}{${under}}`;
}

/** In braces where a script would otherwise bind to the last piece alone. */
function baseOf(element: HtmlElement | undefined, depth: number): string {
  const base = tex(element, depth);
  const isToken = element !== undefined && ['mi', 'mn', 'mo', 'mtext'].includes(element.tagName);
  const isBracketed = /^(\\left)?[([|].*[)\]|]$/.test(base) && !/[_^]/.test(base.slice(-1));
  const isOne = Array.from(base).length === 1 || /^\\[a-zA-Z]+$/.test(base);
  return isToken || isBracketed || isOne ? base : `{${base}}`;
}

/** Primes are their own superscript. */
function raised(base: string, sup: string): string {
  return /^'+$/.test(sup) ? base + sup : `${base}^{${sup}}`;
}

function below(base: string, under: HtmlElement | undefined, depth: number): string {
  const accent = under && UNDER_ACCENTS[tokenText(under)];
  if (accent) return `\\${accent}{${base}}`;
  const text = tex(under, depth);
  return WITH_LIMITS.test(base) || /^\\underbrace/.test(base)
    ? `${base}_{${text}}`
    : `\\underset{${text}}{${base}}`;
}

function above(base: string, over: HtmlElement | undefined, depth: number): string {
  const accent = over && ACCENTS[tokenText(over)];
  if (accent) return `\\${accent}{${base}}`;
  const text = tex(over, depth);
  return WITH_LIMITS.test(base) || /^\\overbrace/.test(base)
    ? `${base}^{${text}}`
    : `\\overset{${text}}{${base}}`;
}

function aroundBase(base: HtmlElement, under: HtmlElement, over: HtmlElement, depth: number): string {
  const text = tex(base, depth);
  if (WITH_LIMITS.test(text)) return `${text}_{${tex(under, depth)}}^{${tex(over, depth)}}`;
  return above(below(text, under, depth), over, depth);
}

/** Scripts behind the base in pairs, then those in front of it. */
function multiscripts([base, ...scripts]: readonly HtmlElement[], depth: number): string {
  const border = scripts.findIndex(({ tagName }) => tagName === 'mprescripts');
  const behind = border < 0 ? scripts : scripts.slice(0, border);
  const front = border < 0 ? [] : scripts.slice(border + 1);
  const pairs = (list: readonly HtmlElement[]) => {
    let text = '';
    for (let i = 0; i < list.length; i += 2) {
      const [sub, sup] = [tex(list[i], depth), tex(list[i + 1], depth)];
      text += (sub && `_{${sub}}`) + (sup && `^{${sup}}`);
    }
    return text;
  };
  const before = pairs(front);
  return (before && `{}${before}`) + baseOf(base, depth) + pairs(behind);
}

function fenced(children: readonly HtmlElement[], element: HtmlElement, depth: number): string {
  const [open, close] = [attribute(element, 'open') ?? '(', attribute(element, 'close') ?? ')'];
  const separators = (attribute(element, 'separators') ?? ',').replace(/\s/g, '');
  let text = '';
  for (const [i, child] of children.entries()) {
    if (i > 0 && separators !== '') text += symbols(separators[Math.min(i, separators.length) - 1]);
    text += tex(child, depth);
  }
  const side = (mark: string) => (mark.trim() === '' ? '.' : symbols(mark.trim()));
  return sequence([`\\left${side(open)}`, text, `\\right${side(close)}`]);
}
