// Bytes of a web page to text: which encoding they are in, as browsers decide it, and what to do where nobody says.

/** windows-1252 above 0x7F and below 0xA0; the rest is Latin-1. Some platforms' decoders leave these undone. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** How far into a page an encoding may be declared. */
const META_BYTES = 1024;

export interface DecodedPage {
  readonly html: string;
  /** By its name in the Encoding Standard, in lower case. */
  readonly encoding: string;
}

/**
 * A byte order mark first, then the HTTP header, then `<meta charset>` or `<meta http-equiv>` in the first 1,024
 * bytes, then UTF-8 if the bytes are that, and windows-1252 if they are not.
 *
 * @param contentType the HTTP header, such as `text/html; charset=utf-8`
 */
export function decodePage(bytes: Uint8Array, contentType = ''): DecodedPage {
  const marked = byteOrderMark(bytes);
  if (marked) return decodeAs(bytes, marked)!;
  const declared = decodeAs(bytes, charsetIn(contentType)) ?? decodeAs(bytes, metaCharset(bytes));
  if (declared) return declared;
  try {
    return { html: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'utf-8' };
  } catch {
    return { html: decodeWindows1252(bytes), encoding: 'windows-1252' };
  }
}

function byteOrderMark([first, second, third]: Uint8Array): string | null {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return null;
}

/** Null for a label that is no encoding's. */
function decodeAs(bytes: Uint8Array, label: string | null): DecodedPage | null {
  if (label === null) return null;
  try {
    const decoder = new TextDecoder(label);
    const { encoding } = decoder;
    return { html: encoding === 'windows-1252' ? decodeWindows1252(bytes) : decoder.decode(bytes), encoding };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function charsetIn(text: string): string | null {
  return /charset\s*=\s*["']?\s*([\w:.+-]+)/i.exec(text)?.[1] ?? null;
}

function metaCharset(bytes: Uint8Array): string | null {
  const head = decodeWindows1252(bytes.subarray(0, META_BYTES)).replace(/<!--[\s\S]*?(?:-->|$)/g, '');
  for (const [tag] of head.matchAll(/<meta\s[^>]*>/gi)) {
    const label = charsetIn(tag);
    // A page that could be read this far is not in UTF-16, whatever it says.
    if (label) return /^utf-16/i.test(label) ? 'utf-8' : label;
  }
  return null;
}

function decodeWindows1252(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let begin = 0; begin < bytes.length; begin += 8192) {
    const units = Array.from(bytes.subarray(begin, begin + 8192), (byte) =>
      byte >= 0x80 && byte < 0xa0 ? WINDOWS_1252.charCodeAt(byte - 0x80) : byte,
    );
    pieces.push(String.fromCharCode(...units));
  }
  return pieces.join('');
}
