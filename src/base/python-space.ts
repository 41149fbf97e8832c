/**
 * Characters that Python's `isspace`, `strip` and `\s` take, for a class of a RegExp: unlike JavaScript's without
 * U+FEFF, and with U+001C to U+001F and U+0085.
 */
export const PYTHON_SPACE =
  '\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const space = new RegExp(`[${PYTHON_SPACE}]`);

/** Whether a character is white space for Python. */
export const isPythonSpace = (char: string): boolean => space.test(char);

/** Python's `text.strip()`. */
export function pythonStrip(text: string): string {
  let [begin, end] = [0, text.length];
  while (begin < end && isPythonSpace(text[begin])) begin++;
  while (end > begin && isPythonSpace(text[end - 1])) end--;
  return text.slice(begin, end);
}
