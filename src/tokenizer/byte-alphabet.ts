// The alphabet in which byte-level vocabularies are written: one printable character for each byte (GPT-2,
// encoder.py, bytes_to_unicode). Bytes that print as themselves in Latin-1 keep their character; the other 68
// take U+0100, U+0101, … in order, so that a space is written Ġ (U+0120) and a newline Ċ (U+010A).

/** charOfByte[b] is the code point that stands for byte b: below U+0144, so at most two bytes of UTF-8. */
const charOfByte = new Uint16Array(256);
/** byteOfChar[c] is the byte that code point c stands for, or -1. */
const byteOfChar = new Int16Array(0x144).fill(-1);

let nextChar = 0x100;
for (let byte = 0; byte < 256; byte++) {
  const printsAsItself =
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  const char = printsAsItself ? byte : nextChar++;
  charOfByte[byte] = char;
  byteOfChar[char] = byte;
}

/** Writes bytes in the alphabet: ` the` becomes `Ġthe`. */
export function toAlphabet(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(charOfByte[byte]);
  return text;
}

/**
 * Reads UTF-8 text in the alphabet from `source[begin, end)` and writes the bytes it stands for to
 * `target` at `at`.
 *
 * @returns the number of bytes written, at most end - begin; -1 when a character is not of the alphabet
 */
export function fromAlphabet(
  source: Uint8Array,
  begin: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  let written = 0;
  for (let i = begin; i < end; i++) {
    let char = source[i];
    if (char >= 0xc2 && char <= 0xc5 && i + 1 < end) char = ((char & 0x1f) << 6) | (source[++i] & 0x3f);
    else if (char >= 0x80) return -1;
    const byte = char < byteOfChar.length ? byteOfChar[char] : -1;
    if (byte < 0) return -1;
    target[at + written++] = byte;
  }
  return written;
}
