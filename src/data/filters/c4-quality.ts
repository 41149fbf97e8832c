// C4's rules (Raffel et al. 2020, 2.2) as datatrove checks them: a line is dropped or kept, a few things drop the
// document, and what is left must have sentences enough. The text changes: lines are stripped and lose citations.
// Traps: words are counted before citations go; a brace drops the document only if its line got that far; and it
// drops LaTeX and program text, so pipelines for mathematics and code switch it off.

import { type Outcome, type StageKind, type TextDocument, withText } from '../stage.ts';
import { isSpace, numCodePoints, splitLines, splitSpaces, strip } from '../words/python-strings.ts';
import { numSentences, sentences } from '../words/words.ts';

const DEFAULTS = {
  /** Lines are the units; otherwise sentences. */
  splitParagraph: true,
  removeCitations: true,
  filterNoTerminalPunct: true,
  /** These three: -1 switches the rule off. */
  minNumSentences: 5,
  minWordsPerLine: 3,
  maxWordLength: 1000,
  filterLoremIpsum: true,
  filterJavascript: true,
  filterCurlyBracket: true,
  filterPolicy: true,
};
type Options = typeof DEFAULTS;

const CITATION = /\[\p{Nd}*\]|\[edit\]|\[citation needed\]/gu;
const TERMINAL = /[.?!"']$/;
const POLICIES = [
  'terms of use',
  'privacy policy',
  'cookie policy',
  'uses cookies',
  'use of cookies',
  'use cookies',
];

export const c4Quality: StageKind = {
  name: 'c4-quality',
  summary:
    'Keeps lines that are sentences; removes texts with braces, lorem ipsum or fewer than five sentences',
  options: DEFAULTS,
  create: (options) => {
    const checked = options as Options;
    return { name: 'c4-quality', apply: (doc) => edit(doc, checked) };
  },
};

function edit(doc: TextDocument, options: Options): Outcome {
  const { splitParagraph, minNumSentences } = options;
  const phrases = phrasesIn(doc.text, options);
  const kept: string[] = [];
  let count = 0;
  for (const raw of splitParagraph ? splitLines(doc.text) : sentences(doc.text)) {
    const line = lineOrReason(strip(raw), options, phrases);
    if (line === undefined) continue;
    if (typeof line === 'object') return line;
    // Enough is enough: most texts have them in their first lines.
    if (count < minNumSentences) count += splitParagraph ? numSentences(line) : 1;
    kept.push(line);
  }
  if (count < minNumSentences) return { removed: 'too_few_sentences', because: `${count} sentences left` };
  return withText(doc, strip(kept.join(splitParagraph ? '\n' : ' ')));
}

interface Phrases {
  readonly loremIpsum: boolean;
  readonly javascript: boolean;
  readonly policies: readonly string[];
}

/** Which phrases a line of the text may have: few texts have any, so few lines need to be looked at. */
function phrasesIn(text: string, { removeCitations, ...options }: Options): Phrases {
  const lower = withoutCitations(text, removeCitations).toLowerCase();
  return {
    loremIpsum: options.filterLoremIpsum && lower.includes('lorem ipsum'),
    javascript: options.filterJavascript && lower.includes('javascript'),
    policies: options.filterPolicy ? POLICIES.filter((policy) => lower.includes(policy)) : [],
  };
}

function withoutCitations(text: string, remove: boolean): string {
  return remove && text.includes('[') ? text.replace(CITATION, '') : text;
}

/** The line as it stays, undefined for one that goes, or why the document goes. */
function lineOrReason(
  stripped: string,
  options: Options,
  { loremIpsum, javascript, policies }: Phrases,
): string | { removed: string } | undefined {
  const { maxWordLength, minWordsPerLine } = options;
  if (maxWordLength !== -1 && stripped.length > maxWordLength) {
    if (splitSpaces(stripped).some((word) => numCodePoints(word) > maxWordLength)) return undefined;
  }
  const line = withoutCitations(stripped, options.removeCitations);
  if (options.filterNoTerminalPunct && (!TERMINAL.test(line) || line.endsWith('...'))) return undefined;
  if (!hasWords(stripped, minWordsPerLine)) return undefined;
  const lower = loremIpsum || javascript || policies.length > 0 ? line.toLowerCase() : '';
  if (loremIpsum && lower.includes('lorem ipsum')) return { removed: 'lorem_ipsum' };
  if (javascript && lower.includes('javascript')) return undefined;
  if (options.filterCurlyBracket && line.includes('{')) return { removed: 'curly_bracket' };
  if (policies.some((policy) => lower.includes(policy))) return undefined;
  return line;
}

/** Are there so many runs of characters between white space? */
function hasWords(stripped: string, count: number): boolean {
  let numWords = 0;
  let wasSpace = true;
  for (let at = 0; at < stripped.length && numWords < count; at++) {
    const isNow = isSpace(stripped.charCodeAt(at));
    if (wasSpace && !isNow) numWords++;
    wasSpace = isNow;
  }
  return numWords >= count;
}
