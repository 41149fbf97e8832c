// Character sets and counts that several filters share (datatrove/utils/text.py).

import { MARKS } from '../simplify.ts';
import { numCodePoints } from '../words/python-strings.ts';

/** Marks that end a sentence, of all scripts: 159 code points. */
export const TERMINAL_MARKS: ReadonlySet<number> = new Set(
  (
    '21 2e 3f 589 61d 61e 61f 6d4 700 701 702 7f9 837 839 83d 83e 964 965 104a 104b 1362 1367 1368 166e 1735 1736 ' +
    '17d4 17d5 17d6 17d9 17da 1803 1809 1944 1945 1aa8 1aa9 1aaa 1aab 1b5a 1b5b 1b5e 1b5f 1b7d 1b7e 1c3b 1c3c 1c7e ' +
    '1c7f 203c 203d 2047 2048 2049 2e2e 2e3c 2e53 2e54 3002 a4ff a60e a60f a6f3 a6f7 a876 a877 a8ce a8cf a92f a9c8 ' +
    'a9c9 aa5d aa5e aa5f aaf0 aaf1 abeb fe52 fe56 fe57 ff01 ff0e ff1f ff61 10a56 10a57 10f55 10f56 10f57 10f58 10f59 ' +
    '10f86 10f87 10f88 10f89 11047 11048 110be 110bf 110c0 110c1 11141 11142 11143 111c5 111c6 111cd 111de 111df ' +
    '11238 11239 1123b 1123c 112a9 1144b 1144c 115c2 115c3 115c9 115ca 115cb 115cc 115cd 115ce 115cf 115d0 115d1 ' +
    '115d2 115d3 115d4 115d5 115d6 115d7 11641 11642 1173c 1173d 1173e 11944 11946 11a42 11a43 11a9b 11a9c 11c41 ' +
    '11c42 11ef7 11ef8 11f43 11f44 16a6e 16a6f 16af5 16b37 16b38 16b44 16e98 1bc9f 1da88'
  )
    .split(' ')
    .map((hex) => Number.parseInt(hex, 16)),
);

const SYMBOLS: ReadonlySet<number> = new Set([
  ...TERMINAL_MARKS,
  ...[...MARKS].map((mark) => mark.codePointAt(0)!),
  ...Array.from({ length: 160 }, (_, code) => code).filter(
    (code) => code < 9 || (code > 10 && code < 32) || (code > 126 && code < 160),
  ),
]);

/** A mark, or a control character other than tab and line feed. */
export function isSymbol(codePoint: number): boolean {
  return SYMBOLS.has(codePoint);
}

/** Are all characters symbols? */
export function isAllSymbols(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if ((unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90)) return false;
    const codePoint = text.codePointAt(i)!;
    if (!SYMBOLS.has(codePoint)) return false;
    if (codePoint > 0xffff) i++;
  }
  return true;
}

/** How many elements were there before, and their code points together. */
export function repeatsIn(elements: readonly string[]): { numRepeats: number; numChars: number } {
  const seen = new Set<string>();
  let numRepeats = 0;
  let numChars = 0;
  for (const element of elements) {
    if (seen.size === seen.add(element).size) {
      numRepeats++;
      numChars += numCodePoints(element);
    }
  }
  return { numRepeats, numChars };
}

/** 3 of 40 as `3 of 40 lines`, for the reader of samples. */
export function shareText(part: number, whole: number, what: string): string {
  return `${part} of ${whole} ${what} (${((100 * part) / whole).toFixed(1)} %)`;
}
