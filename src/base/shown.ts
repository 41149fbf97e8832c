/** Longest text that a message quotes. */
const MAX_SHOWN = 80;
/** Lists and objects inside each other that are written out. */
const MAX_DEPTH = 3;

/**
 * A foreign value as a message quotes it: short whatever it is, without control characters, and never an error of
 * its own (JSON.stringify overflows the stack on ten thousand brackets, String calls what the value brings).
 */
export function shown(value: unknown): string {
  const text = withoutControls(written(value, 0));
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`;
}

/** A text whose control characters are written out: the ends of a line and the escapes of a terminal stay inside it. */
export function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function written(value: unknown, depth: number): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN));
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value))
    return `[${value
      .slice(0, 8)
      .map((item) => written(item, depth + 1))
      .join(',')}]`;
  const members = Object.keys(value).slice(0, 8);
  const member = (key: string) =>
    `${JSON.stringify(key.slice(0, 20))}:${written((value as Record<string, unknown>)[key], depth + 1)}`;
  return `{${members.map(member).join(',')}}`;
}

/** An address without the password in it. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/?#@:]*):[^/?#@]*@/, '$1:…@');
}
