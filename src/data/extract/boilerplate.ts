// What of a page is not its text: by element, by role, by the words of class and id, by being hidden, and by being
// mostly links. Names are judged word by word (`post-menu` has the words post and menu), never by parts of words.

import { type ElementFacts, isFormulaElement, isReaderComment } from './facts.ts';
import { attribute, type HtmlElement, hasClass, isElement, isText } from './html-tree.ts';

const DROPPED_TAGS = new Set(
  (
    'head script style noscript template svg iframe frame frameset object embed applet audio video canvas map ' +
    'button input select textarea option datalist meter progress dialog menu nav aside'
  ).split(' '),
);

const DROPPED_ROLES =
  /^(navigation|banner|contentinfo|complementary|search|dialog|alertdialog|menu|menubar|toolbar|tablist|button)$/i;

/** Words that mark furniture wherever they stand in a class or id. */
const DROPPED_WORDS = new Set(
  (
    'breadcrumb breadcrumbs crumbs nav navbar navigation navbox menu sidebar footer masthead share sharing social ' +
    'sharethis addthis cookie cookies consent gdpr login signin signup logon vote voting votecell userinfo usercard ' +
    'comments disqus respond pagination pager newsletter subscribe advertisement advert adsbygoogle sponsored ' +
    'editsection toolbar popup modal skip noprint related recommended'
  ).split(' '),
);

/** Runs of words that do so only together. */
const DROPPED_PHRASES = new RegExp(
  `(?:^| )(?:${[
    'comment (?:list|form|respond|section|area|thread|count|reply|meta)',
    'user (?:info|card|details|profile|badge|stats|signature)',
    'author (?:info|box|bio|card)',
    'post (?:menu|meta|nav|signature|author|share)',
    'log in|sign (?:in|up|on)|follow us|js share|skip link|back to top',
    'site (?:header|footer|nav|info|branding)|page (?:header|footer|nav)|global (?:header|footer|nav)',
    'see also|read more|also like|edit (?:link|section)|table of contents|tag list',
    'comment|header|ad|ads',
  ].join('|')})(?= |$)`,
);

/** Phrases of one word: only as the whole name, since `comment-body` may be a forum's post and `header-1` a heading. */
const WHOLE_NAMES = new Set(['comment', 'header', 'ad', 'ads']);

/** Some pages are one form from end to end: with so many characters in paragraphs it is kept, without its fields. */
const LEAST_FORM_TEXT = 400;

/** Elements that hold the text even where their names say otherwise. */
const CONTENT_TAGS = new Set(['html', 'body', 'main', 'article', 'h1', 'math', 'pre']);

/**
 * The element and what is in it is no text of the page.
 *
 * @param isInContent below main, article or section
 */
export function isFurniture(element: HtmlElement, facts: ElementFacts, isInContent: boolean): boolean {
  const { tagName } = element;
  if (DROPPED_TAGS.has(tagName)) return !isFormulaElement(element);
  if (tagName === 'footer' || (tagName === 'header' && !isInContent)) return true;
  if (tagName === 'form') return facts.paragraphLength < LEAST_FORM_TEXT;
  if (CONTENT_TAGS.has(tagName)) return isReaderComment(element);
  if (DROPPED_ROLES.test(attribute(element, 'role') ?? '')) return true;
  if (tagName === 'sup' && isReference(element, facts)) return true;
  return isNamedFurniture(element) && !facts.hasContent;
}

/** Hidden from readers, and not because a script shows a picture of it instead. */
export function isHidden(element: HtmlElement, facts: ElementFacts): boolean {
  const isOut =
    attribute(element, 'hidden') !== undefined ||
    /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(attribute(element, 'style') ?? '');
  if (isOut) return !facts.hasFormula || facts.textLength > 0;
  return attribute(element, 'aria-hidden')?.toLowerCase() === 'true' && !facts.hasFormula;
}

function isNamedFurniture(element: HtmlElement): boolean {
  for (const name of [...(attribute(element, 'class') ?? '').split(/\s+/), attribute(element, 'id') ?? '']) {
    if (name === '') continue;
    const words = wordsOf(name);
    if (words.some((word) => /^(with|without|has|have|no)$/.test(word))) continue;
    if (words.some((word) => DROPPED_WORDS.has(word))) return true;
    const match = DROPPED_PHRASES.exec(words.join(' '))?.[0].trim();
    if (match && (!WHOLE_NAMES.has(match) || words.length === 1)) return true;
  }
  return false;
}

/** `js-postMenu_2` as js, post, menu, 2. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

/** `[1]`, `[note 2]`, `[citation needed]`: a mark that leads elsewhere. */
function isReference(element: HtmlElement, facts: ElementFacts): boolean {
  if (hasClass(element, /^(reference|footnote-ref|noteref|footnoteref)$/i)) return true;
  return facts.hasLink && facts.textLength < 30 && /^\s*\[[^\]]{1,24}\]\s*$/.test(beginning(element));
}

/** The text of an element's first hundred nodes. */
function beginning(element: HtmlElement): string {
  let text = '';
  const open = [...element.childNodes].reverse();
  for (let left = 100; open.length > 0 && left > 0; left--) {
    const node = open.pop()!;
    if (isText(node)) text += node.value;
    else if (isElement(node)) open.push(...[...node.childNodes].reverse());
  }
  return text;
}
