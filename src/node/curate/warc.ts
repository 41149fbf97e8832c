// WARC and WET: the records that a crawl keeps. A response becomes a row whose text is the page as it was sent (HTML,
// for the stage `extract`), a conversion one whose text is the plain text. Other records are passed over.

import { FormatError } from '../../base/errors.ts';

/** A page beyond this is passed over by its length, and counted. */
export const MAX_RECORD_BYTES = 64 * 2 ** 20;
const MAX_HEADER_BYTES = 2 ** 16;

export type WarcRow = Readonly<Record<'id' | 'text' | 'url' | 'date' | 'content_type', string>>;

/** @yields a row, or undefined for a record that is too long */
export async function* warcRows(
  pieces: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<WarcRow | undefined> {
  const reader = new ByteReader(pieces);
  for (;;) {
    const head = await reader.until('\r\n\r\n', MAX_HEADER_BYTES);
    if (head === undefined) return;
    // Two line ends close each record: they come as a head of their own.
    const text = latin1(head).trim();
    if (text === '') continue;
    const lines = text.split('\r\n');
    const fields = fieldsOf(lines.slice(1));
    const length = Number(fields.get('content-length') ?? Number.NaN);
    if (!/^WARC\/\d/.test(lines[0]) || !Number.isSafeInteger(length) || length < 0) {
      throw new FormatError('expected a WARC record with its length', { file, offset: reader.offset });
    }
    const isTooLong = length > MAX_RECORD_BYTES;
    const body = isTooLong ? undefined : await reader.take(length);
    if (isTooLong ? !(await reader.skip(length)) : body === undefined) {
      throw new FormatError('expected the rest of a record, got the end of the file', {
        file,
        offset: reader.offset,
      });
    }
    const type = fields.get('warc-type');
    if (type !== 'response' && type !== 'conversion') continue;
    yield body && rowOf(fields, body, type === 'response');
  }
}

function rowOf(fields: Map<string, string>, body: Uint8Array, isResponse: boolean): WarcRow {
  const end = isResponse ? headerEnd(body) : 0;
  const http = fieldsOf(latin1(body.subarray(0, end)).split('\r\n').slice(1));
  const type = (isResponse ? http : fields).get('content-type') ?? '';
  return {
    id: (fields.get('warc-record-id') ?? '').replace(/^<|>$/g, ''),
    text: decodePage(body.subarray(end), type),
    url: (fields.get('warc-target-uri') ?? '').replace(/^<|>$/g, ''),
    date: fields.get('warc-date') ?? '',
    content_type: type,
  };
}

/** The charset of the header, of a byte order mark or of the page's own first kilobyte; otherwise UTF-8 if it is. */
function decodePage(bytes: Uint8Array, contentType: string): string {
  const start = latin1(bytes.subarray(0, 1024));
  const named = /charset\s*=\s*["']?([\w.:-]+)/i;
  const label = named.exec(contentType)?.[1] ?? named.exec(start)?.[1];
  const mark = start.startsWith('\xef\xbb\xbf') ? 'utf-8' : /^\xfe\xff/.test(start) ? 'utf-16be' : undefined;
  for (const charset of [mark ?? (start.startsWith('\xff\xfe') ? 'utf-16le' : undefined), label]) {
    if (charset === undefined) continue;
    try {
      return new TextDecoder(charset).decode(bytes);
    } catch {
      // No charset that the web knows: as if none were named.
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

function headerEnd(body: Uint8Array): number {
  const at = Buffer.from(body.buffer, body.byteOffset, body.length).indexOf('\r\n\r\n');
  return at < 0 ? body.length : at + 4;
}

function fieldsOf(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]] : [];
    }),
  );
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Takes runs of bytes from a stream of pieces. */
class ByteReader {
  offset = 0;
  private readonly pieces: AsyncIterator<Uint8Array>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.pieces = pieces[Symbol.asyncIterator]();
  }

  /** Up to and with the mark; undefined at the end of the stream or where the mark is too far. */
  async until(mark: string, max: number): Promise<Uint8Array | undefined> {
    for (let from = 0; ; ) {
      const at = this.rest.indexOf(mark, from);
      if (at >= 0) return this.take(at + mark.length);
      from = Math.max(0, this.rest.length - mark.length);
      if (this.rest.length > max || !(await this.fill())) return undefined;
    }
  }

  async take(length: number): Promise<Uint8Array | undefined> {
    const parts: Buffer[] = [];
    let missing = length;
    for (;;) {
      const part = this.rest.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      this.rest = this.rest.subarray(part.length);
      if (missing === 0) break;
      if (!(await this.fill())) return undefined;
    }
    this.offset += length;
    return Buffer.concat(parts);
  }

  /** False at the end of the stream. */
  async skip(length: number): Promise<boolean> {
    let missing = length;
    for (;;) {
      const part = Math.min(missing, this.rest.length);
      this.rest = this.rest.subarray(part);
      missing -= part;
      if (missing === 0) break;
      if (!(await this.fill())) return false;
    }
    this.offset += length;
    return true;
  }

  private async fill(): Promise<boolean> {
    const { value, done } = await this.pieces.next();
    if (done) return false;
    this.rest = this.rest.length === 0 ? Buffer.from(value) : Buffer.concat([this.rest, value]);
    return true;
  }
}
