// How one chunk (what stands between white space) is cut: marks are peeled off both ends while a rule finds one, then
// what is left is an address, or is cut at marks inside it (spacy/tokenizer.pyx; spacy/lang/punctuation.py). Special
// cases end the peeling at once.

import {
  alternatives,
  CURRENCIES,
  classMembers,
  HYPHENS,
  ICON,
  LETTER,
  LOWER,
  PUNCTUATION,
  QUOTES,
  UNITS,
  UPPER,
} from './classes.ts';
import { SPACE_CLASS } from './python-strings.ts';
import { SPECIAL_CASES } from './special-cases.ts';

const MARKS = alternatives(PUNCTUATION);
const QUOTE = `[${classMembers(QUOTES)}]`;
/** Longest special case, in UTF-16 units: longer chunks need no look-up, which would hash all of them. */
const MAX_SPECIAL_LENGTH = Math.max(...[...SPECIAL_CASES.keys()].map((chunk) => chunk.length));

interface Rules {
  readonly prefix: RegExp;
  readonly suffix: RegExp;
  readonly infix: RegExp;
}

/** The rules over these classes of letters; the first alternative that fits wins, as in Python: `…` before `……`. */
function rulesWith(letter: string, lower: string, upper: string, icon: string): Rules {
  // Spelled as spaCy's class: its list of marks was joined by bars, and a group ended up inside the brackets.
  const beforePeriod = `[0-9${lower}%²\\-+${classMembers([...PUNCTUATION, ...'|?:()'])}${QUOTE}]`;
  const prefix = `^(?:§|%|=|—|–|\\+(?![0-9])|${MARKS}|\\.\\.+|…|${QUOTE}|${alternatives(CURRENCIES)}|${icon})`;
  const suffix =
    `(?:……|${MARKS}|\\.\\.+|…|${QUOTE}|${icon}|'s|'S|’s|’S|—|–|(?<=[0-9])\\+|(?<=°[FfCcKk])\\.|` +
    `(?<=[0-9])(?:${alternatives(CURRENCIES)})|(?<=[0-9])(?:${alternatives(UNITS)})|` +
    `(?<=${beforePeriod})\\.|(?<=${upper}${upper})\\.)$`;
  const infix =
    `\\.\\.+|…|${icon}|(?<=[0-9])[+\\-*\\^](?=[0-9\\-])|(?<=[${lower}${QUOTE}])\\.(?=[${upper}${QUOTE}])|` +
    `(?<=${letter}),(?=${letter})|(?<=[${letter}0-9])(?:${alternatives(HYPHENS)})(?=${letter})|` +
    `(?<=[${letter}0-9])[:<>=\\/](?=${letter})`;
  return { prefix: new RegExp(prefix, 'v'), suffix: new RegExp(suffix, 'v'), infix: new RegExp(infix, 'gv') };
}

const ALL = rulesWith(LETTER, LOWER, UPPER, ICON);
/** The same for chunks of printable ASCII, where most letters cannot be: small patterns, twice as fast when cold. */
const ASCII = rulesWith('[A-Za-z]', '[a-z]', '[A-Z]', '[\\u{a9}]');
const BEYOND_ASCII = /[^ -~]/;

function rulesFor(chunk: string): Rules {
  return BEYOND_ASCII.test(chunk) ? ALL : ASCII;
}

/** Room for the longest suffix but a run of full stops, and for what its rule looks back at, in UTF-16 units. */
const SUFFIX_ROOM = 16;

const SCHEME = /^[\p{L}\p{N}_+\-.]{2,}:\/\//u;
const IP_ADDRESS =
  '(?!(?:10|127)(?:\\.\\p{Nd}{1,3}){3})(?!(?:169\\.254|192\\.168)(?:\\.\\p{Nd}{1,3}){2})' +
  '(?!172\\.(?:1[6-9]|2\\p{Nd}|3[0-1])(?:\\.\\p{Nd}{1,3}){2})(?:[1-9]\\p{Nd}?|1\\p{Nd}\\p{Nd}|2[01]\\p{Nd}|22[0-3])' +
  '(?:\\.(?:1?\\p{Nd}{1,2}|2[0-4]\\p{Nd}|25[0-5])){2}(?:\\.(?:[1-9]\\p{Nd}?|1\\p{Nd}\\p{Nd}|2[0-4]\\p{Nd}|25[0-4]))';
const HOST_CHARACTER = 'A-Za-z0-9\\u00a1-\\uffff';
const HOST = `(?:(?:[${HOST_CHARACTER}][${HOST_CHARACTER}_\\-]{0,62})?[${HOST_CHARACTER}]\\.)+${LOWER}{2,63}`;
const PLACE = new RegExp(`(?:${IP_ADDRESS}|${HOST})(?::\\p{Nd}{2,5})?(?:[\\/?#][^${SPACE_CLASS}]*)?$`, 'vy');

/**
 * The tokens of one chunk without white space.
 *
 * @param useSpecials  false only where the special cases themselves are cut, to be found again in torn form
 */
export function tokensOf(chunk: string, useSpecials: boolean): string[] {
  const special = useSpecials ? specialOf(chunk) : undefined;
  if (special) return [...special];
  const before: string[] = [];
  const after: string[] = [];
  const rules = rulesFor(chunk);
  const core = peel(chunk, before, after, useSpecials, rules);
  const tokens = before;
  if (core !== '') {
    const coreSpecial = useSpecials ? specialOf(core) : undefined;
    if (coreSpecial) tokens.push(...coreSpecial);
    else if (isAddress(core)) tokens.push(core);
    else cutInside(core, tokens, rules);
  }
  for (let i = after.length - 1; i >= 0; i--) tokens.push(after[i]);
  return tokens;
}

/** Would any rule cut this chunk? */
export function isCutByRule(chunk: string): boolean {
  return prefixLength(chunk, ALL) > 0 || suffixLength(chunk, ALL) > 0 || chunk.search(ALL.infix) >= 0;
}

function specialOf(chunk: string): readonly string[] | undefined {
  return chunk.length > MAX_SPECIAL_LENGTH ? undefined : SPECIAL_CASES.get(chunk);
}

/** Peels marks off both ends into `before` and `after` (outermost first) and returns what is left. */
function peel(chunk: string, before: string[], after: string[], useSpecials: boolean, rules: Rules): string {
  let core = chunk;
  for (;;) {
    if (core === '' || (useSpecials && specialOf(core))) return core;
    const begin = prefixLength(core, rules);
    if (begin > 0 && useSpecials && specialOf(core.slice(begin))) {
      before.push(core.slice(0, begin));
      return core.slice(begin);
    }
    // The suffix is looked for in what the prefix leaves.
    const end = core.length - suffixLength(core.slice(begin), rules);
    if (end < core.length && useSpecials && specialOf(core.slice(0, end))) {
      after.push(core.slice(end));
      return core.slice(0, end);
    }
    if (begin === 0 && end === core.length) return core;
    if (begin > 0) before.push(core.slice(0, begin));
    if (end < core.length) after.push(core.slice(end));
    core = core.slice(begin, end);
  }
}

/** Most chunks begin or end with a plain letter or digit: a look at it is an eighth of the pattern's time. */
const PLAIN_START = /^[A-Za-z0-9][^$]/;
/** Of the last few characters: a pattern that looks for an end would walk through all of a long chunk. */
const PLAIN_END = /[0-9]$|^[A-Za-z]+$|[A-Za-z]{6}$/;
const ONLY_PLAIN = /^[A-Za-z0-9]*$/;

function prefixLength(text: string, { prefix }: Rules): number {
  if (PLAIN_START.test(text) && !text.startsWith('US$')) return 0;
  return prefix.exec(text)?.[0].length ?? 0;
}

/** Looks at the end of the text only, so that peeling a long chunk takes time in proportion to its length. */
function suffixLength(text: string, { suffix }: Rules): number {
  const tail = text.length > SUFFIX_ROOM ? text.slice(-SUFFIX_ROOM) : text;
  if (PLAIN_END.test(tail)) return 0;
  let dots = 0;
  while (dots < text.length && text.charCodeAt(text.length - 1 - dots) === 46) dots++;
  if (dots >= 2) return dots;
  return suffix.exec(tail)?.[0].length ?? 0;
}

/** `user@host.tld:80/path`, with or without a scheme: all of it one token (Diego Perini's pattern, loosened). */
function isAddress(text: string): boolean {
  if (!text.includes('.')) return false;
  if (isPlaceAt(text, 0)) return true;
  const scheme = SCHEME.exec(text)?.[0].length;
  if (scheme !== undefined && isPlaceAt(text, scheme)) return true;
  for (let at = text.indexOf('@', 1); at > 0; at = text.indexOf('@', at + 1)) {
    if (isPlaceAt(text, at + 1)) return true;
  }
  return false;
}

function isPlaceAt(text: string, at: number): boolean {
  PLACE.lastIndex = at;
  return PLACE.test(text);
}

function cutInside(core: string, tokens: string[], { infix }: Rules): void {
  if (ONLY_PLAIN.test(core)) {
    tokens.push(core);
    return;
  }
  let begin = 0;
  for (const match of core.matchAll(infix)) {
    // A mark at the very beginning does not cut.
    if (match.index === 0) continue;
    if (match.index > begin) tokens.push(core.slice(begin, match.index));
    tokens.push(match[0]);
    begin = match.index + match[0].length;
  }
  if (begin < core.length) tokens.push(core.slice(begin));
}
