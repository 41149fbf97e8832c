// Strings as Python sees them. The filters were written in Python, and their decisions hang on what it calls white
// space, a line and a length; JavaScript differs in each. (White space of Python: U+001C–U+001F and U+0085 too, U+FEFF
// not. Lines: eleven separators. Lengths: code points.)

/** The inside of a character class: what `str.isspace` says yes to. */
export const SPACE_CLASS =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const SPACE_RUN = new RegExp(`[${SPACE_CLASS}]+`);
const BREAKS = '\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029';
const ANY_BREAK = new RegExp(`\\r\\n|[${BREAKS}]`);

/** `str.isspace` of one UTF-16 unit; no white space lies outside the first plane. */
export function isSpace(unit: number): boolean {
  if (unit < 0x80) return unit === 32 || (unit >= 9 && unit <= 13) || (unit >= 28 && unit <= 31);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  return (
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x1680 ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}

/** `text.lstrip()` */
export function stripStart(text: string): string {
  let begin = 0;
  while (begin < text.length && isSpace(text.charCodeAt(begin))) begin++;
  return begin === 0 ? text : text.slice(begin);
}

/** `text.rstrip()` */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** `text.strip()` */
export function strip(text: string): string {
  return stripStart(stripEnd(text));
}

/** `text.splitlines()`: no empty line after the last separator, none for the empty text. */
export function splitLines(text: string): string[] {
  const lines = text.split(ANY_BREAK);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** `text.split()`: what stands between runs of white space. */
export function splitSpaces(text: string): string[] {
  const stripped = strip(text);
  return stripped === '' ? [] : stripped.split(SPACE_RUN);
}

/** `len(text)`: code points. */
export function numCodePoints(text: string): number {
  let pairs = 0;
  for (let i = 0; i < text.length - 1; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      pairs++;
      i++;
    }
  }
  return text.length - pairs;
}

/** `text.count(part)`: occurrences that do not overlap. */
export function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
