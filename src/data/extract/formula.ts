// Where a page keeps the source of a formula. One table, in order: what the author typed before what a program made
// of it. Rendered copies of the same formula (KaTeX's HTML, MathJax's spans, previews, fallback images) are dropped.

import { type ElementFacts, isFormulaElement } from './facts.ts';
import {
  attribute,
  firstBelow,
  type HtmlElement,
  type HtmlNode,
  hasClass,
  isElement,
  parsePiece,
  siblingFrom,
  textContent,
} from './html-tree.ts';
import { texOfMathml } from './mathml.ts';

export interface Formula {
  /** TeX without delimiters. */
  readonly tex: string;
  readonly isDisplay: boolean;
}

/** A longer formula is a page's mistake, such as a delimiter that is never closed. */
const MAX_TEX_LENGTH = 20_000;

export interface Place {
  readonly siblings: readonly HtmlNode[];
  readonly index: number;
  readonly facts: ElementFacts;
}

/** The formula that this element stands for; `drop` for a copy of one; null where it is no formula. */
export function formulaOf(element: HtmlElement, place: Place): Formula | 'drop' | null {
  const { tagName } = element;
  if (tagName === 'script') return fromScript(element);
  if (tagName === 'math') return fromMath(element, false);
  if (tagName === 'img') return fromImage(element);
  if (!/katex|mathjax|mjx|mwe-math/i.test(`${tagName} ${attribute(element, 'class') ?? ''}`)) return null;
  if (hasClass(element, /^katex-html$/)) return place.facts.hasFormula || isBehindMath(place) ? 'drop' : null;
  if (hasClass(element, /^(MathJax_Preview|mathjax-preview)$/)) return 'drop';
  if (hasClass(element, /^(katex-display|katex)$/))
    return fromWrapped(element, hasClass(element, /^katex-display$/));
  if (tagName === 'mjx-container')
    return fromWrapped(element, /^(true|block)$/.test(attribute(element, 'display') ?? ''));
  if (hasClass(element, /^mwe-math-element(-.*)?$/)) return fromWikipedia(element);
  if (isRenderedByMathJax2(element)) return fromMathJax2(element, place);
  return null;
}

function isBehindMath({ siblings, index }: Place): boolean {
  for (let i = index - 1; i >= 0 && i >= index - 3; i--) {
    const node = siblings[i];
    if (isElement(node)) return hasClass(node, /^katex-mathml$/) || node.tagName === 'math';
  }
  return false;
}

/** `<script type="math/tex">`, `math/tex; mode=display`, `math/mml`. */
function fromScript(script: HtmlElement): Formula | null {
  const type = attribute(script, 'type') ?? '';
  const source = textContent(script);
  if (/^math\/mml/i.test(type)) {
    const math = firstBelow(parsePiece(source), ({ tagName }) => tagName === 'math');
    return math && fromMath(math, false);
  }
  if (!/^math\/(tex|latex)/i.test(type)) return null;
  return formula(source, /;\s*mode\s*=\s*display/i.test(type));
}

/** The annotation, then `alttext`, then the markup itself. */
function fromMath(math: HtmlElement, isDisplay: boolean): Formula | null {
  const annotation = firstBelow(
    math,
    (inner) => inner.tagName === 'annotation' && /tex/i.test(attribute(inner, 'encoding') ?? ''),
  );
  const isBlock =
    isDisplay ||
    attribute(math, 'display')?.toLowerCase() === 'block' ||
    attribute(math, 'mode') === 'display';
  const source = annotation ? textContent(annotation) : (attribute(math, 'alttext') ?? '');
  return formula(source, isBlock) ?? formula(texOfMathml(math), isBlock);
}

function fromWrapped(element: HtmlElement, isDisplay: boolean): Formula | null {
  const inner = firstBelow(element, isFormulaElement);
  if (!inner) return null;
  const isBlock = isDisplay || firstBelow(element, (e) => hasClass(e, /^katex-display$/)) !== null;
  return inner.tagName === 'math' ? fromMath(inner, isBlock) : fromScript(inner);
}

function fromWikipedia(element: HtmlElement): Formula | null {
  const isBlock =
    firstBelow(element, (e) => hasClass(e, /^mwe-math-(mathml|fallback-image)-display$/)) !== null;
  const math = firstBelow(element, ({ tagName }) => tagName === 'math');
  if (math) return fromMath(math, isBlock);
  const image = firstBelow(element, ({ tagName }) => tagName === 'img');
  return image && formula(attribute(image, 'alt') ?? '', isBlock);
}

function isRenderedByMathJax2(element: HtmlElement): boolean {
  return hasClass(
    element,
    /^(MathJax|MathJax_Display|MathJax_SVG|MathJax_SVG_Display|MathJax_CHTML|MJXc-display|mjx-chtml)$/,
  );
}

/** A copy where the script follows; else, where scripts were stripped, the MathML that it carries. */
function fromMathJax2(element: HtmlElement, { siblings, index, facts }: Place): Formula | 'drop' | null {
  const next = siblingFrom(siblings, index + 1);
  if (next && isElement(next) && isFormulaElement(next)) return 'drop';
  const isDisplay = hasClass(element, /display$/i);
  const carrier = firstBelow(element, (inner) => attribute(inner, 'data-mathml') !== undefined);
  const markup = attribute(element, 'data-mathml') ?? (carrier && attribute(carrier, 'data-mathml'));
  if (facts.hasFormula) return fromWrapped(element, isDisplay);
  const math = markup ? firstBelow(parsePiece(markup), ({ tagName }) => tagName === 'math') : null;
  return math ? fromMath(math, isDisplay) : null;
}

/** WordPress and forums: the source is the alternative text, or in the address of the service that drew it. */
function fromImage(image: HtmlElement): Formula | 'drop' | null {
  const source = attribute(image, 'src') ?? '';
  const alt = attribute(image, 'alt') ?? '';
  const service = /(?:codecogs\.com|mimetex|mathtex|mathtran|chart\?cht=tx)[^?]*\?(.*)$/is.exec(source);
  if (service) return formula(withoutOptions(unquoted(service[1])), false) ?? formula(alt, false);
  const byPhp = /latex\.php\?(.*)$/is.exec(source);
  const isFormula = byPhp || hasClass(image, /^(latex|tex|math|mwe-math-fallback-image-(inline|display))$/);
  if (!isFormula) return null;
  const parameter = byPhp && /(?:^|&)latex=([^&]*)/.exec(byPhp[1])?.[1];
  const isDisplay = hasClass(image, /^mwe-math-fallback-image-display$/);
  return (
    formula(alt, isDisplay) ?? formula(parameter ? unquoted(parameter.replace(/\+/g, ' ')) : '', isDisplay)
  );
}

function unquoted(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%20/g, ' ');
  }
}

/** codecogs puts how to draw before what to draw. */
function withoutOptions(tex: string): string {
  return tex.replace(
    /^(?:\s*(?:\\dpi\{\d+\}|\\(?:bg|fn)_\w+|\\inline|\\(?:tiny|small|large|huge)(?![a-z])))+\s*/i,
    '',
  );
}

/** Null for an empty source. */
export function formula(source: string, isDisplay: boolean): Formula | null {
  const tex = cleanTex(source);
  return tex === '' || tex.length > MAX_TEX_LENGTH ? null : { tex, isDisplay };
}

const WRAPPERS = [
  ['$$', '$$'],
  ['$', '$'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
];

/** Without the wrappers that programs put around a source; spaces and newlines as one space. */
export function cleanTex(source: string): string {
  const tex = source
    .replace(/%\s*<!\[CDATA\[|%?\s*\]\]>/g, ' ')
    // A comment ends with its line: once lines are joined it would hide what follows.
    .replace(/(^|[^\\])%[^\n]*\n/g, '$1 ')
    .replace(/[\s\u00a0]+/g, ' ')
    .trim();
  const styled = /^\{\\(?:displaystyle|textstyle)(?![a-zA-Z])\s*([\s\S]*)\}$/.exec(tex)?.[1];
  const inner = styled !== undefined && isBalanced(styled) ? styled.trim() : tex;
  for (const [open, close] of WRAPPERS) {
    if (inner.length <= open.length + close.length || !inner.startsWith(open) || !inner.endsWith(close))
      continue;
    const bare = inner.slice(open.length, -close.length);
    if (!bare.includes(open) && !bare.includes(close) && !bare.endsWith('\\')) return bare.trim();
  }
  return inner;
}

/** Braces of the piece close within it. */
function isBalanced(tex: string): boolean {
  let depth = 0;
  for (let i = 0; i < tex.length && depth >= 0; i++) {
    if (tex[i] === '\\') i++;
    else if (tex[i] === '{') depth++;
    else if (tex[i] === '}') depth--;
  }
  return depth === 0;
}
