// English words and sentences, equal to those of spaCy's blank English pipeline with its sentencizer: the filters'
// thresholds were chosen on its words, and nothing simpler gives the same decisions (docs/data/words.md has the
// table). Text is cut at white space; chunks are cut by rules.ts and mended by torn.ts; a sentence starts at the first
// token after a full stop that is neither a full stop nor another mark.

import { TERMINALS } from './classes.ts';
import { isSpace } from './python-strings.ts';
import { tokensOf } from './rules.ts';
import { SPECIAL_CASES } from './special-cases.ts';
import { isOpen, mayJoin, mended } from './torn.ts';

/** What a chunk is cut into, remembered: a few thousand chunks make most of any text. */
interface Cut {
  /** Before torn special cases are mended. */
  readonly raw: readonly string[];
  readonly tokens: readonly string[];
  /** Might a torn special case go on in the next chunk? */
  readonly isOpen: boolean;
  /** How each token acts on sentences; undefined where all are plain words. */
  readonly roles: readonly Role[] | undefined;
}

type Role = 'word' | 'mark' | 'terminal';

/** At most so many chunks of fewer units than that are remembered: about 50 MB. */
const MAX_CUTS = 200_000;
const MAX_CUT_LENGTH = 64;
const cuts = new Map<string, Cut>();

const PLAIN = /^[A-Za-z]+$/;
/** A word that only its last mark is cut from; before a full stop two small letters, so that it is no abbreviation. */
const PLAIN_WITH_MARK = /^[A-Za-z]+(?:[,;:!?]|(?<=[a-z]{2})\.)$/;
const ONLY_MARKS = /^\p{P}+$/u;

/** The filters of one pipeline ask for the words of the same text one after the other. */
let lastText: string | undefined;
let lastWords: readonly string[] = [];

/** The tokens of a text without those of white space. */
export function words(text: string): readonly string[] {
  if (text === lastText) return lastWords;
  const found = wordsOf(text);
  lastText = text;
  lastWords = found;
  return found;
}

function wordsOf(text: string): readonly string[] {
  const found: string[] = [];
  let wasOpen: string | undefined;
  let lastEnd = 0;
  for (let at = 0; at < text.length; ) {
    if (isSpace(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const end = endOfChunk(text, at);
    const { raw, tokens, isOpen } = cutOf(text.slice(at, end));
    if (wasOpen !== undefined && isOneSpace(text, lastEnd, at) && mayJoin(wasOpen, raw[0])) {
      return tokenize(text).tokens.filter((token) => !isSpace(token.charCodeAt(0)));
    }
    for (const token of tokens) found.push(token);
    wasOpen = isOpen ? raw[raw.length - 1] : undefined;
    lastEnd = end;
    at = end;
  }
  return found;
}

/** The number of sentences; 1 for a text without any token. */
export function numSentences(text: string): number {
  let count = 1;
  let hasEnded = false;
  let wasOpen: string | undefined;
  const meet = (role: Role) => {
    if (role === 'terminal') hasEnded = true;
    else if (hasEnded && role === 'word') {
      count++;
      hasEnded = false;
    }
  };
  for (let at = 0; at < text.length; ) {
    if (isSpace(text.charCodeAt(at))) {
      const end = endOfSpace(text, at);
      if (!isOneSpace(text, at, end)) {
        wasOpen = undefined;
        meet('word');
      }
      at = end;
      continue;
    }
    const end = endOfChunk(text, at);
    const { raw, isOpen, roles } = cutOf(text.slice(at, end));
    if (wasOpen !== undefined && mayJoin(wasOpen, raw[0])) return sentenceStarts(text).length;
    if (roles) for (const role of roles) meet(role);
    else meet('word');
    wasOpen = isOpen ? raw[raw.length - 1] : undefined;
    at = end;
  }
  return count;
}

/** The sentences one after the other, with the space before each: together they are the text. */
export function sentences(text: string): string[] {
  const starts = sentenceStarts(text);
  return starts.map((start, i) => text.slice(i === 0 ? 0 : start, starts[i + 1] ?? text.length));
}

/** Where the sentences of the text begin, right after the token before: [0, …]. */
function sentenceStarts(text: string): number[] {
  if (text === '') return [0];
  const { tokens, roles, ends } = tokenize(text);
  const starts = [0];
  let hasEnded = false;
  for (let i = 0; i < tokens.length; i++) {
    if (roles[i] === 'terminal') hasEnded = true;
    else if (hasEnded && roles[i] === 'word') {
      starts.push(ends[i - 1]);
      hasEnded = false;
    }
  }
  return starts;
}

interface Tokens {
  readonly tokens: readonly string[];
  readonly roles: readonly Role[];
  /** Offset in the text behind each token. */
  readonly ends: readonly number[];
}

/** All tokens, those of white space too: of a run of it, all but one leading plain space is a token. */
function tokenize(text: string): Tokens {
  const raw: string[] = [];
  const isSpaced: boolean[] = [];
  for (let at = 0; at < text.length; ) {
    const isWhite = isSpace(text.charCodeAt(at));
    const end = isWhite ? endOfSpace(text, at) : endOfChunk(text, at);
    let begin = at;
    if (isWhite && at > 0 && text.charCodeAt(at) === 32) {
      isSpaced[raw.length - 1] = true;
      begin++;
    }
    if (isWhite && begin < end) raw.push(text.slice(begin, end));
    if (!isWhite) for (const token of cutOf(text.slice(at, end)).raw) raw.push(token);
    at = end;
  }
  const tokens = mended(raw, (i) => isSpaced[i] ?? false);
  return { tokens, roles: tokens.map(roleOf), ends: endsOf(text, tokens) };
}

/** Tokens follow each other with at most one space between them. */
function endsOf(text: string, tokens: readonly string[]): number[] {
  let at = 0;
  return tokens.map((token) => {
    if (text.charCodeAt(at) === 32 && (token.charCodeAt(0) !== 32 || at > 0)) at++;
    at += token.length;
    return at;
  });
}

function roleOf(token: string): Role {
  const unit = token.charCodeAt(0) | 32;
  if (unit >= 97 && unit <= 122) return 'word';
  if (TERMINALS.has(token)) return 'terminal';
  return ONLY_MARKS.test(token) ? 'mark' : 'word';
}

function cutOf(chunk: string): Cut {
  const known = cuts.get(chunk);
  if (known) return known;
  const isShort = chunk.length < MAX_CUT_LENGTH;
  // A slice would keep the whole text alive as long as the cut is remembered: a copy of it does not.
  const own = isShort ? copyOf(chunk) : chunk;
  const raw = rawTokens(own);
  const tokens = mended(raw);
  const roles = tokens.map(roleOf);
  const cut: Cut = {
    raw,
    tokens,
    isOpen: isOpen(raw[raw.length - 1]),
    roles: roles.every((role) => role === 'word') ? undefined : roles,
  };
  if (isShort) {
    if (cuts.size >= MAX_CUTS) cuts.clear();
    cuts.set(own, cut);
  }
  return cut;
}

/** Most chunks are a plain word, or one with a mark behind it: no rule needs to be asked. */
function rawTokens(chunk: string): readonly string[] {
  if (SPECIAL_CASES.has(chunk)) return SPECIAL_CASES.get(chunk)!;
  if (PLAIN.test(chunk)) return [chunk];
  if (PLAIN_WITH_MARK.test(chunk)) {
    const core = chunk.slice(0, -1);
    return [...(SPECIAL_CASES.get(core) ?? [core]), chunk.slice(-1)];
  }
  return tokensOf(chunk, true);
}

function copyOf(text: string): string {
  const units: number[] = [];
  for (let i = 0; i < text.length; i++) units.push(text.charCodeAt(i));
  return String.fromCharCode(...units);
}

function endOfChunk(text: string, at: number): number {
  let end = at;
  while (end < text.length && !isSpace(text.charCodeAt(end))) end++;
  return end;
}

function endOfSpace(text: string, at: number): number {
  let end = at;
  while (end < text.length && isSpace(text.charCodeAt(end))) end++;
  return end;
}

function isOneSpace(text: string, begin: number, end: number): boolean {
  return end - begin === 1 && text.charCodeAt(begin) === 32;
}
