// The 25 checkers of IFEval (Zhou et al. 2023; google-research/instruction_following_eval): whether a text
// follows one instruction. Python's `\w` covers letters and digits of every script, so the patterns here
// spell that out.

import { isPythonSpace, pythonStrip } from '../base/python-space.ts';
import { languageOf } from './language.ts';
import { capitalWords, numSentences } from './words.ts';

/** Arguments of one instruction, as the data file holds them. */
export type InstructionArguments = Readonly<Record<string, unknown>>;

type Checker = (text: string, args: InstructionArguments) => boolean;

const WORD = '[\\p{L}\\p{N}_]';

/**
 * Whether `text` follows the instruction.
 *
 * @throws RangeError for an unknown kind
 */
export function follows(kind: string, text: string, args: InstructionArguments): boolean {
  const check = CHECKERS[kind];
  if (!check) throw new RangeError(`instruction: expected one of IFEval's 25 kinds, got ${kind}`);
  return check(text, args);
}

const string = (args: InstructionArguments, name: string) => String(args[name] ?? '');
const number = (args: InstructionArguments, name: string) => Number(args[name] ?? 0);
const strings = (args: InstructionArguments, name: string) => (args[name] ?? []) as readonly string[];
const occurrences = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

/** `less than` or `at least`. */
function compares(relation: unknown, actual: number, bound: number): boolean {
  return relation === 'less than' ? actual < bound : actual >= bound;
}

/**
 * A keyword as a pattern, as the original uses it; one that is no pattern is taken letter by letter. So is one that
 * repeats or groups, which no keyword of the benchmark does: a data file must not decide how long a search takes.
 */
function keyword(source: string): string {
  const literal = source.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if (/[*+?{(]/.test(source)) return literal;
  try {
    new RegExp(source, 'u');
    return source;
  } catch {
    return literal;
  }
}

const pattern = (source: string, flags: string) => new RegExp(source, flags);

const CHECKERS: Readonly<Record<string, Checker>> = {
  'keywords:existence': (text, args) =>
    strings(args, 'keywords').every((word) => pattern(keyword(word), 'iu').test(text)),
  'keywords:forbidden_words': (text, args) =>
    !strings(args, 'forbidden_words').some((word) =>
      pattern(`(?<!${WORD})${keyword(word)}(?!${WORD})`, 'iu').test(text),
    ),
  'keywords:frequency': (text, args) => {
    const actual = occurrences(text, pattern(keyword(string(args, 'keyword').trim()), 'giu'));
    return compares(args.relation, actual, number(args, 'frequency'));
  },
  'keywords:letter_frequency': (text, args) => {
    const actual = text.toLowerCase().split(string(args, 'letter').toLowerCase()).length - 1;
    return compares(args.let_relation, actual, number(args, 'let_frequency'));
  },
  'language:response_language': (text, args) => {
    const language = languageOf(text);
    return language === undefined || language === args.language;
  },
  'length_constraints:number_sentences': (text, args) =>
    compares(args.relation, numSentences(text), number(args, 'num_sentences')),
  'length_constraints:number_paragraphs': (text, args) => {
    const parts = text.split(/\s?\*\*\*\s?/u).map((part) => part.trim());
    if (parts.slice(1, -1).some((part) => part === '')) return false;
    return parts.filter((part) => part !== '').length === number(args, 'num_paragraphs');
  },
  'length_constraints:number_words': (text, args) =>
    compares(args.relation, occurrences(text, new RegExp(`${WORD}+`, 'gu')), number(args, 'num_words')),
  'length_constraints:nth_paragraph_first_word': nthParagraphFirstWord,
  'detectable_content:number_placeholders': (text, args) =>
    numPlaceholders(text) >= number(args, 'num_placeholders'),
  'detectable_content:postscript': postscript,
  'detectable_format:number_bullet_lists': (text, args) => {
    const stars = numBullets(text, (rest) => rest[0] === '*' && rest.length > 1 && rest[1] !== '*');
    const dashes = numBullets(text, (rest) => rest[0] === '-');
    return stars + dashes === number(args, 'num_bullets');
  },
  'detectable_format:constrained_response': (text) =>
    ['My answer is yes.', 'My answer is no.', 'My answer is maybe.'].some((answer) => text.includes(answer)),
  'detectable_format:number_highlighted_sections': (text, args) =>
    numHighlights(text) >= number(args, 'num_highlights'),
  'detectable_format:multiple_sections': (text, args) => {
    const splitter = pattern(`\\s?${keyword(string(args, 'section_spliter').trim())}\\s?\\d+\\s?`, 'u');
    return text.split(splitter).length - 1 >= number(args, 'num_sections');
  },
  'detectable_format:json_format': isJson,
  'detectable_format:title': (text) => text.split('\n').some(isTitle),
  'combination:two_responses': twoResponses,
  'combination:repeat_prompt': (text, args) =>
    text.trim().toLowerCase().startsWith(string(args, 'prompt_to_repeat').trim().toLowerCase()),
  'startend:end_checker': (text, args) =>
    withoutQuotes(text.trim()).toLowerCase().endsWith(string(args, 'end_phrase').trim().toLowerCase()),
  'startend:quotation': (text) => /^".*"$/s.test(text.trim()) && text.trim().length > 1,
  'change_case:capital_word_frequency': (text, args) =>
    compares(args.capital_relation, capitalWords(text).length, number(args, 'capital_frequency')),
  'change_case:english_capital': (text) => isCased(text, /\p{Ll}/u, /\p{Lu}/u) && isEnglish(text),
  'change_case:english_lowercase': (text) => isCased(text, /\p{Lu}/u, /\p{Ll}/u) && isEnglish(text),
  'punctuation:no_comma': (text) => !text.includes(','),
};

/** Names of the checkers. */
export const INSTRUCTION_KINDS: readonly string[] = Object.keys(CHECKERS);

function isCased(text: string, never: RegExp, once: RegExp): boolean {
  return !never.test(text) && once.test(text);
}

function isEnglish(text: string): boolean {
  const language = languageOf(text);
  return language === undefined || language === 'en';
}

function nthParagraphFirstWord(text: string, args: InstructionArguments): boolean {
  const paragraphs = text.split('\n\n').map((paragraph) => paragraph.trim());
  const numParagraphs = paragraphs.filter((paragraph) => paragraph !== '').length;
  const nth = number(args, 'nth_paragraph');
  if (nth > numParagraphs || paragraphs[nth - 1] === '') return false;
  const word = paragraphs[nth - 1].split(/\s+/)[0].replace(/^'+/, '').replace(/^"+/, '');
  const first = /^[^.,?!'"]*/.exec(word)![0].toLowerCase();
  return (
    numParagraphs === number(args, 'num_paragraphs') && first === string(args, 'first_word').toLowerCase()
  );
}

function postscript(text: string, args: InstructionArguments): boolean {
  const marker = string(args, 'postscript_marker').trim();
  // The original's `\s*` in front and `.*$` behind change nothing about whether there is one.
  if (marker === 'P.P.S') return /p\.\s?p\.\s?s/u.test(text.toLowerCase());
  if (marker === 'P.S.') return /p\.\s?s\./u.test(text.toLowerCase());
  return pattern(keyword(marker.toLowerCase()), 'u').test(text.toLowerCase());
}

/** Passages between single asterisks, and between double ones, that are not empty; the latter count twice. */
function numHighlights(text: string): number {
  const single = (text.match(/\*[^\n*]*\*/g) ?? []).filter((found) => found.replace(/^\*+|\*+$/g, '').trim());
  const double = (text.match(/\*\*[^\n*]*\*\*/g) ?? []).filter((found) => found.slice(2, -2).trim());
  return single.length + double.length;
}

/** `[…]` within one line, the shortest from each bracket on. */
function numPlaceholders(text: string): number {
  let found = 0;
  for (const line of text.split('\n')) {
    for (let at = line.indexOf('['); at >= 0; at = line.indexOf('[', at)) {
      const end = line.indexOf(']', at);
      if (end < 0) break;
      found++;
      at = end + 1;
    }
  }
  return found;
}

/** Lines that begin, after any white space and empty lines, with what `begins` accepts. */
function numBullets(text: string, begins: (rest: string) => boolean): number {
  let found = 0;
  for (let at = 0; at < text.length; ) {
    while (at < text.length && isPythonSpace(text[at])) at++;
    const isBullet = at < text.length && begins(text.slice(at, at + 2));
    if (isBullet) found++;
    // A star may be followed by its line end, as one character that is no star: then the next line belongs to it.
    const end = text.indexOf('\n', isBullet && text[at] === '*' ? at + 2 : at);
    if (end < 0) return found;
    at = end + 1;
  }
  return found;
}

/** `<<…>>` in a line, from the first pair of brackets to the last, with something inside. */
function isTitle(line: string): boolean {
  const [begin, end] = [line.indexOf('<<'), line.lastIndexOf('>>') + 2];
  if (begin < 0 || end - begin < 5) return false;
  let [from, to] = [begin, end];
  while (line[from] === '<') from++;
  while (to > from && line[to - 1] === '>') to--;
  return line.slice(from, to).trim() !== '';
}

function withoutQuotes(text: string): string {
  let [begin, end] = [0, text.length];
  while (text[begin] === '"') begin++;
  while (end > begin && text[end - 1] === '"') end--;
  return text.slice(begin, end);
}

/** What Python's json.loads accepts: NaN and infinities too, but no mark of byte order. */
function isJson(text: string): boolean {
  let body = pythonStrip(text);
  for (const fence of ['```json', '```Json', '```JSON', '```']) {
    if (body.startsWith(fence)) body = body.slice(fence.length);
  }
  if (body.endsWith('```')) body = body.slice(0, -3);
  try {
    const values = pythonStrip(body).replace(/"(?:[^"\\]|\\.)*"|NaN|-?Infinity/gs, (part) =>
      part[0] === '"' ? part : 'null',
    );
    JSON.parse(values);
    return true;
  } catch {
    return false;
  }
}

function twoResponses(text: string): boolean {
  const parts = text.split('******').map((part) => part.trim());
  if (parts.slice(1, -1).some((part) => part === '')) return false;
  const answers = parts.filter((part) => part !== '');
  return answers.length === 2 && answers[0] !== answers[1];
}
