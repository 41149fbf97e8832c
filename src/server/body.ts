// The body of a request as JSON: counted while it is read, looked through for depth before it is parsed, and given up
// when it dribbles.

import { RequestError, wrongValue } from './errors.ts';
import { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';

/**
 * @throws RequestError 413 for too many bytes, 408 for a body that does not arrive, 400 for what is no JSON object
 */
export async function readFields(request: Request): Promise<Fields> {
  const text = await readText(request);
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrongValue('body', `expected JSON, got ${(error as Error).message.slice(0, 120)}`, 'invalid_json');
  }
  // Half a character can come as an escape only.
  if (/\\ud[89a-f]/i.test(text)) checkTexts(value, '');
  return new Fields(value);
}

/** Refuses texts that are none: an encoder would repair them in silence. */
function checkTexts(value: unknown, at: string): void {
  if (typeof value === 'string' && /\p{Surrogate}/u.test(value))
    throw wrongValue(at, 'expected UTF-8, got half a character');
  if (typeof value !== 'object') return;
  for (const name in value)
    checkTexts(value[name as never], Array.isArray(value) ? `${at}[${name}]` : at ? `${at}.${name}` : name);
}

async function readText(request: Request): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > LIMITS.bodyBytes) throw tooLarge(declared);
  if (!request.body) return '';
  const reader = request.body.getReader();
  const pieces: BlobPart[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await within(reader.read());
      if (done) break;
      size += value.length;
      if (size > LIMITS.bodyBytes) throw tooLarge(size);
      pieces.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => undefined);
    if (error instanceof RequestError) throw error;
    throw wrongValue('body', 'expected a whole body, got one that was cut off', 'incomplete_body');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await new Blob(pieces).arrayBuffer());
  } catch {
    throw wrongValue('body', 'expected UTF-8, got other bytes', 'invalid_json');
  }
}

function tooLarge(size: number): RequestError {
  return new RequestError(`body: expected at most ${LIMITS.bodyBytes} bytes, got ${size} or more`, {
    status: 413,
    type: 'invalid_request_error',
    code: 'body_too_large',
  });
}

async function within<T>(piece: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new RequestError(`body: expected the next bytes within ${LIMITS.bodyMs / 1000} s, got none`, {
          status: 408,
          type: 'invalid_request_error',
          code: 'request_timeout',
        }),
      );
    }, LIMITS.bodyMs);
  });
  try {
    return await Promise.race([piece, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Brackets outside of strings, before a parser or anything that walks its result can overflow the stack. */
function checkDepth(text: string): void {
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) isString = false;
    } else if (code === 0x22) isString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth <= LIMITS.jsonDepth) continue;
      throw wrongValue(
        'body',
        `expected at most ${LIMITS.jsonDepth} levels of brackets, got more`,
        'too_deep',
      );
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
}
