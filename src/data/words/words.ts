// English words and sentences, equal to those of spaCy's blank English pipeline with its sentencizer: the filters'
// thresholds were chosen on its words, and nothing simpler gives the same decisions (docs/data/words.md has the
// table). Text is cut at white space; chunks are cut by rules.ts and mended by torn.ts; a sentence starts at the first
// token after a full stop that is neither a full stop nor another mark. Five chunks in six are a plain word, with a
// mark behind it or not (chunks.ts): no rule is asked about those, and nothing remembered.

import { Chunks, Kind } from './chunks.ts';
import { TERMINALS } from './classes.ts';
import { isSpace } from './python-strings.ts';
import { tokensOf } from './rules.ts';
import { isOpen, mayJoin, mended } from './torn.ts';

/** What a chunk is cut into, remembered: a few thousand chunks make most of any text. */
interface Cut {
  /** Before torn special cases are mended. */
  readonly raw: readonly string[];
  readonly tokens: readonly string[];
  /** Might a torn special case go on in the next chunk? */
  readonly isOpen: boolean;
  /** Did mending change anything? */
  readonly isMended: boolean;
  /** How each token acts on sentences; undefined where all are plain words. */
  readonly roles: readonly Role[] | undefined;
}

type Role = 'word' | 'mark' | 'terminal';

/**
 * At most so many chunks of fewer units than that are remembered, in 8 MB a thread: 460 bytes each. More are slower as
 * well as larger (200,000 on varied text: 90 MB, 10 % more time): they no longer fit the caches of the processor.
 */
const MAX_CUTS = 16_384;
const MAX_CUT_LENGTH = 64;
const cuts = new Map<string, Cut>();

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
  const chunks = new Chunks(text);
  const seam = new Seam();
  while (chunks.next()) {
    const { begin, end, kind } = chunks;
    if (kind === Kind.other) {
      const cut = cutOf(text.slice(begin, end));
      if (seam.isMendedAnew(chunks, cut.raw[0], cut.isMended)) {
        return tokenize(text).tokens.filter((token) => !isSpace(token.charCodeAt(0)));
      }
      const { tokens } = cut;
      for (let i = 0; i < tokens.length; i++) found.push(tokens[i]);
      seam.after(chunks, cut.isOpen ? cut.raw[cut.raw.length - 1] : undefined, cut.isMended);
      continue;
    }
    const word = text.slice(begin, kind === Kind.marked ? end - 1 : end);
    if (seam.isMendedAnew(chunks, word, false)) {
      return tokenize(text).tokens.filter((token) => !isSpace(token.charCodeAt(0)));
    }
    found.push(word);
    if (kind === Kind.marked) found.push(text[end - 1]);
    seam.after(chunks, chunks.openMark, false);
  }
  return found;
}

/** The number of sentences; 1 for a text without any token. */
export function numSentences(text: string): number {
  const chunks = new Chunks(text);
  const seam = new Seam();
  let count = 1;
  let hasEnded = false;
  const meet = (role: Role) => {
    if (role === 'terminal') hasEnded = true;
    else if (hasEnded && role === 'word') {
      count++;
      hasEnded = false;
    }
  };
  while (chunks.next()) {
    const { begin, end, kind } = chunks;
    if (begin > seam.end && !isOneSpace(text, seam.end, begin)) meet('word');
    if (kind === Kind.other) {
      const cut = cutOf(text.slice(begin, end));
      if (seam.isMendedAnew(chunks, cut.raw[0], cut.isMended)) return sentenceStarts(text).length;
      if (cut.roles) for (let i = 0; i < cut.roles.length; i++) meet(cut.roles[i]);
      else meet('word');
      seam.after(chunks, cut.isOpen ? cut.raw[cut.raw.length - 1] : undefined, cut.isMended);
      continue;
    }
    if (seam.isLastMended) {
      const word = text.slice(begin, kind === Kind.marked ? end - 1 : end);
      if (seam.isMendedAnew(chunks, word, false)) return sentenceStarts(text).length;
    }
    meet('word');
    if (kind === Kind.marked && chunks.isTerminal) hasEnded = true;
    seam.after(chunks, chunks.openMark, false);
  }
  if (text.length > seam.end && !isOneSpace(text, seam.end, text.length)) meet('word');
  return count;
}

/**
 * What stands between two chunks. A torn special case across one space changes nothing by itself, since a space parts
 * its tokens; but it takes them from a special case that was mended in either chunk: both must be seen together.
 */
class Seam {
  /** Of the chunk before, in UTF-16 units. */
  end = 0;
  isLastMended = false;
  private lastOpen: string | undefined;

  after({ end }: Chunks, open: string | undefined, isMended: boolean): void {
    this.end = end;
    this.lastOpen = open;
    this.isLastMended = isMended;
  }

  isMendedAnew({ text, begin }: Chunks, first: string, isMended: boolean): boolean {
    if (this.lastOpen === undefined || !(isMended || this.isLastMended)) return false;
    return isOneSpace(text, this.end, begin) && mayJoin(this.lastOpen, first);
  }
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
  const own = isShort ? copyOf(chunk) : chunk;
  const raw = tokensOf(own, true);
  const tokens = mended(raw);
  const roles = tokens.map(roleOf);
  const cut: Cut = {
    raw,
    tokens,
    isOpen: isOpen(raw[raw.length - 1]),
    isMended: tokens.length !== raw.length || tokens.some((token, i) => token !== raw[i]),
    roles: roles.every((role) => role === 'word') ? undefined : roles,
  };
  if (isShort) {
    if (cuts.size >= MAX_CUTS) cuts.clear();
    cuts.set(own, cut);
  }
  return cut;
}

/** A slice of 13 units or more keeps the text that it was cut from alive in V8: a copy does not. */
function copyOf(text: string): string {
  if (text.length < 13) return text;
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
