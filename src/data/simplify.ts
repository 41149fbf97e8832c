// Text as deduplication and decontamination compare it: datatrove's `simplify_text` with its default
// configuration, character for character. Two texts that differ in case, punctuation, accents, numbers or layout
// become one.

/** Marks that become a space: datatrove's list, which lacks some common ones (‘ • ‐ among them). */
export const MARKS =
  '!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„\';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_."}►»';

/** With datatrove's control characters: those of 0 to 31 but tab and newline, and 127 to 159. */
const SPACED = `${escaped(MARKS)}\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f`;

/** Digits of any script, with one decimal separator of several scripts between them. */
const NUMBER = /\p{Nd}+(?:[.,،٫⎖⎗⎘]\p{Nd}+)?/gu;
const ASCII_NUMBER = /[0-9]+(?:[.,][0-9]+)?/g;
const PUNCTUATION = new RegExp(`[${SPACED}]`, 'g');
/** White space of Python's `\s`: U+FEFF is none there, U+001C to U+001F and U+0085 are spaces by now. */
const SPACE_RUN = /[\t\n\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
const COMBINING = /\p{Mn}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
const IS_ASCII = /^[\u0000-\u007f]*$/;
/** In ASCII all that is no letter and no digit is a mark or white space: together one space. */
const ASCII_GAP = /[^a-z0-9]+/g;

/**
 * Lower case, every number a 0, marks and runs of white space one space, letters without their accents.
 *
 * The order matters: numbers go before marks do, so that 3.14 is one number; white space is collapsed before accents
 * are taken off, since an accent alone may leave an empty word.
 */
export function simplify(text: string): string {
  if (IS_ASCII.test(text)) {
    return text.toLowerCase().replace(ASCII_NUMBER, '0').replace(ASCII_GAP, ' ').trim();
  }
  const spaced = text.toLowerCase().replace(NUMBER, '0').replace(PUNCTUATION, ' ');
  const collapsed = trimmed(spaced).replace(SPACE_RUN, ' ');
  return trimmed(collapsed.normalize('NFD').replace(COMBINING, ''));
}

/** Python's `strip`; the spaces that only JavaScript knows stay. */
function trimmed(text: string): string {
  let begin = 0;
  let end = text.length;
  while (begin < end && isSpace(text.charCodeAt(begin))) begin++;
  while (end > begin && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(begin, end);
}

function isSpace(unit: number): boolean {
  if (unit < 0x1680)
    return (unit >= 9 && unit <= 13) || (unit >= 0x1c && unit <= 0x20) || unit === 0x85 || unit === 0xa0;
  if (unit >= 0x2000 && unit <= 0x200a) return true;
  return [0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000].includes(unit);
}

function escaped(marks: string): string {
  return marks.replace(/[\\\]^-]/g, '\\$&');
}
