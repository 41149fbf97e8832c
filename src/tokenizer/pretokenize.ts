// Cutting text into words before merging. Each family of models has its pattern; the patterns are published
// as regular expressions, and are scanned here by hand: no expression from a model file is ever compiled,
// and every scanner is linear in the text. The classes of characters are in unicode.ts; the merging of a
// word is in bpe.ts.

import { classTable, LETTER, NEWLINE, NUMBER, OTHER, SPACE } from './unicode.ts';

/** Returns where the word that begins at `begin` ends; `end` counts as the end of the text. begin < end. */
export type WordScanner = (text: string, begin: number, end: number) => number;

/** Regular expressions by which tokenizer.json names a scanner: `Split` patterns of Llama 3 and of Qwen2. */
const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
  '|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const QWEN2_PATTERN = LLAMA3_PATTERN.replace('{1,3}', '');

/** The pre-tokenizers that are known, by the names of GGUF's `tokenizer.ggml.pre`. */
export const PRETOKENIZERS = {
  smollm: smollmWordEnd,
  'llama-bpe': llama3WordEnd,
  qwen2: qwen2WordEnd,
} as const satisfies Record<string, WordScanner>;

export type PretokenizerName = keyof typeof PRETOKENIZERS;

/** The scanner of a `Split` pattern in tokenizer.json, or undefined when it is not a known one. */
export const SPLIT_PATTERNS: ReadonlyMap<string, PretokenizerName> = new Map([
  [LLAMA3_PATTERN, 'llama-bpe'],
  [QWEN2_PATTERN, 'qwen2'],
]);

/**
 * SmolLM and SmolLM2: every number character is a word; then, between those, the pattern of GPT-2,
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * Because numbers are cut out first, the space before one stays alone, and white space before one is
 * at an end.
 */
function smollmWordEnd(text: string, begin: number, end: number): number {
  const first = classAt(text, begin, end);
  if (first === NUMBER) return begin + widthAt(text, begin);
  const afterContraction = contractionEnd(text, begin, end, false);
  if (afterContraction > begin) return afterContraction;
  const start = text[begin] === ' ' ? begin + 1 : begin;
  const kind = classAt(text, start, end);
  if (kind & (LETTER | OTHER)) return skip(text, start, end, kind);
  const spaceEnd = skip(text, begin, end, SPACE | NEWLINE);
  return classAt(text, spaceEnd, end) === NUMBER ? spaceEnd : withoutLast(begin, spaceEnd, end);
}

/** Llama 3: `LLAMA3_PATTERN`, numbers in groups of three from the left. */
function llama3WordEnd(text: string, begin: number, end: number): number {
  return llamaWordEnd(text, begin, end, 3);
}

/** Qwen2: `QWEN2_PATTERN`, numbers one by one. */
function qwen2WordEnd(text: string, begin: number, end: number): number {
  return llamaWordEnd(text, begin, end, 1);
}

function llamaWordEnd(text: string, begin: number, end: number, numbersInWord: number): number {
  const afterContraction = contractionEnd(text, begin, end, true);
  if (afterContraction > begin) return afterContraction;
  const first = classAt(text, begin, end);
  if (first === LETTER) return skip(text, begin, end, LETTER);
  const second = begin + widthAt(text, begin);
  if (first === NUMBER) {
    let at = second;
    for (let n = 1; n < numbersInWord && classAt(text, at, end) === NUMBER; n++) at += widthAt(text, at);
    return at;
  }
  const next = classAt(text, second, end);
  if (first !== NEWLINE && next === LETTER) return skip(text, second, end, LETTER);
  if (first === OTHER || (text[begin] === ' ' && next === OTHER)) {
    return skip(text, skip(text, second, end, OTHER), end, NEWLINE);
  }
  const spaceEnd = skip(text, begin, end, SPACE | NEWLINE);
  for (let at = spaceEnd; at > begin; at--) if (classAt(text, at - 1, end) === NEWLINE) return at;
  return withoutLast(begin, spaceEnd, end);
}

/** `\s+(?!\S)|\s+` over the white space [begin, spaceEnd): the last one is left for the word that follows. */
function withoutLast(begin: number, spaceEnd: number, end: number): number {
  return spaceEnd === end || spaceEnd === begin + 1 ? spaceEnd : spaceEnd - 1;
}

/** Class of the character at `at`; 0 at the end. */
function classAt(text: string, at: number, end: number): number {
  if (at >= end) return 0;
  const codePoint = text.codePointAt(at)!;
  const table = classTable();
  return codePoint < table.length ? table[codePoint] : OTHER;
}

/** UTF-16 units of the character at `at`. */
function widthAt(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** Where the characters of the classes in `mask` that begin at `at` end. */
function skip(text: string, at: number, end: number, mask: number): number {
  const table = classTable();
  let position = at;
  while (position < end) {
    const codePoint = text.codePointAt(position)!;
    if (((codePoint < table.length ? table[codePoint] : OTHER) & mask) === 0) break;
    position += codePoint > 0xffff ? 2 : 1;
  }
  return position;
}

/** Where an English contraction that begins at `begin` ends, or `begin`. */
function contractionEnd(text: string, begin: number, end: number, ignoreCase: boolean): number {
  if (text[begin] !== "'") return begin;
  let letters = text.slice(begin + 1, Math.min(begin + 3, end));
  // Folding as the library does it: ſ (U+017F) is an s; nothing else outside ASCII folds to these letters.
  if (ignoreCase)
    letters = letters.replace(/[A-Zſ]/g, (letter) => (letter === 'ſ' ? 's' : letter.toLowerCase()));
  if (letters === 're' || letters === 've' || letters === 'll') return begin + 3;
  return letters !== '' && 'stmd'.includes(letters[0]) ? begin + 2 : begin;
}
