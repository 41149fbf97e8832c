// A file cut into parts under a host's size limit, and the manifest that joins them: what `smollm2 split` writes and
// an edge runtime loads from static assets, R2 or KV. Every part is checked against its hash before it is used.

import { FormatError } from '../base/errors.ts';
import { digest, hex } from '../base/sha256.ts';
import { shown } from '../base/shown.ts';
import { type Fetched, type Piece, PiecePool, readWhole, reusedBuffer } from './pieces.ts';
import { checkRange, type Source } from './source.ts';

export type { Fetched } from './pieces.ts';

export interface Part {
  /** File name of the part, beside the manifest. */
  readonly name: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface Manifest {
  readonly format: 'smollm2-parts';
  readonly version: 1;
  /** Name of the whole file. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** In order; together they are the file. */
  readonly parts: readonly Part[];
}

/** More parts than this would be more requests than any host allows for one answer. */
const MAX_PARTS = 10_000;

/** A part is held in memory whole, so it may not be larger than this. */
export const MAX_PART_BYTES = 2 ** 28;

/**
 * Reads a manifest, as JSON text or already parsed.
 *
 * @throws FormatError for anything but a manifest whose parts add up
 */
export function readManifest(json: unknown, file: string): Manifest {
  const fail = (field: string, message: string): never => {
    throw new FormatError(message, { file, field });
  };
  let value = json;
  if (typeof json === 'string') {
    try {
      value = JSON.parse(json);
    } catch (cause) {
      throw new FormatError(`expected JSON, got ${(cause as Error).message}`, { file });
    }
  }
  const manifest = value as Manifest;
  if (manifest?.format !== 'smollm2-parts') fail('format', 'expected "smollm2-parts"');
  if (manifest.version !== 1) fail('version', `expected 1, got ${shown(manifest.version)}`);
  if (typeof manifest.name !== 'string') fail('name', 'expected a file name');
  if (!Array.isArray(manifest.parts) || manifest.parts.length === 0 || manifest.parts.length > MAX_PARTS) {
    fail('parts', `expected 1 to ${MAX_PARTS} parts`);
  }
  const isHash = (hash: unknown) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
  if (!isHash(manifest.sha256)) fail('sha256', 'expected 64 hex digits');
  let sum = 0;
  for (const [index, part] of manifest.parts.entries()) {
    const field = `parts[${index}]`;
    if (typeof part?.name !== 'string' || !/^[\w-][\w.-]*$/.test(part.name)) {
      fail(`${field}.name`, 'expected a file name of letters, digits, dot, dash and underscore');
    }
    if (!(Number.isSafeInteger(part.size) && part.size > 0 && part.size <= MAX_PART_BYTES)) {
      fail(`${field}.size`, `expected 1 to ${MAX_PART_BYTES} bytes, got ${part.size}`);
    }
    if (!isHash(part.sha256)) fail(`${field}.sha256`, 'expected 64 hex digits');
    sum += part.size;
  }
  if (manifest.size !== sum) fail('size', `expected ${sum}, the sum of the parts, got ${manifest.size}`);
  return manifest;
}

export interface PartsOptions {
  /** Parts held in memory at once (2): tensors of one layer rarely lie in more. */
  readonly keep?: number;
  /**
   * Use the memory of a part again as soon as it is dropped, instead of leaving it to be collected. For readers that
   * copy what they read before they ask for more, as the WASM engine does: what was read before changes, or shrinks to
   * nothing. Bytes that were fetched as a Uint8Array are left alone.
   */
  readonly isTransient?: boolean;
}

/**
 * The whole file behind a manifest. A part is fetched whole when first needed, checked, and dropped when newer ones
 * were needed since; so memory stays at `keep` parts, and reading in file order fetches each part once.
 *
 * @param fetchPart the bytes of one part
 */
export function partsSource(
  manifest: Manifest,
  fetchPart: (part: Part) => Promise<Fetched>,
  options: PartsOptions = {},
): Source {
  const sizes = manifest.parts.map((part) => part.size);
  const check = (bytes: Uint8Array, index: number) => checkPart(manifest, manifest.parts[index], bytes);
  const fetch = (index: number) => fetchPart(manifest.parts[index]);
  return new PiecedSource(manifest.name, { sizes, fetch, check }, options);
}

/**
 * A file that is fetched in pages of `pageBytes`, of which the last two are held: few requests where each has a cost.
 *
 * @param fetchPage exactly `length` bytes from `offset` on
 */
export function pagedSource(
  name: string,
  size: number,
  pageBytes: number,
  fetchPage: (offset: number, length: number) => Promise<Fetched>,
  options: PartsOptions = {},
): Source {
  const sizes = Array.from({ length: Math.ceil(size / pageBytes) }, (_, i) =>
    Math.min(pageBytes, size - i * pageBytes),
  );
  const check = async ({ length }: Uint8Array, index: number) => {
    if (length === sizes[index]) return;
    const place = { file: name, offset: index * pageBytes };
    throw new FormatError(`expected ${sizes[index]} bytes here, got ${length}`, place);
  };
  const fetch = (index: number) => fetchPage(index * pageBytes, sizes[index]);
  return new PiecedSource(name, { sizes, fetch, check }, options);
}

/** What a `PiecedSource` is made of. */
interface Pieces {
  readonly sizes: readonly number[];
  readonly fetch: (index: number) => Promise<Fetched>;
  /** Throws unless these are the bytes of the piece. */
  readonly check: (bytes: Uint8Array, index: number) => Promise<void>;
}

/** Pieces one after the other; the `keep` that were used last stay in memory. */
class PiecedSource implements Source {
  readonly name: string;
  readonly size: number;
  readonly isTransient: boolean;
  private readonly pieces: Pieces;
  private readonly begins: readonly number[];
  private readonly keep: number;
  private readonly pool: PiecePool;
  /** Room for bytes that lie in two pieces or more. */
  private readonly joined = reusedBuffer();
  /** In order of last use. */
  private readonly held = new Map<number, Promise<Piece>>();

  constructor(name: string, pieces: Pieces, { keep = 2, isTransient = false }: PartsOptions) {
    this.name = name;
    this.pieces = pieces;
    this.keep = keep;
    this.isTransient = isTransient;
    this.pool = new PiecePool(Math.max(...pieces.sizes));
    const begins: number[] = [];
    let end = 0;
    for (const size of pieces.sizes) {
      begins.push(end);
      end += size;
    }
    this.begins = begins;
    this.size = end;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this, offset, length);
    if (length === 0) return new Uint8Array(0);
    let index = indexAt(this.begins, offset);
    const from = offset - this.begins[index];
    if (from + length <= this.pieces.sizes[index]) {
      return (await this.bytesOf(index)).subarray(from, from + length);
    }
    const bytes = this.isTransient ? this.joined(length) : new Uint8Array(length);
    for (let at = 0; at < length; index++) {
      const begin = offset + at - this.begins[index];
      const part = (await this.bytesOf(index)).subarray(begin, begin + length - at);
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async close(): Promise<void> {
    for (const index of [...this.held.keys()]) this.drop(index);
    this.pool.close();
  }

  private async bytesOf(index: number): Promise<Uint8Array> {
    const piece = this.held.get(index) ?? this.load(index);
    this.held.delete(index);
    this.held.set(index, piece);
    piece.catch(() => this.held.delete(index));
    for (const oldest of this.held.keys()) {
      if (this.held.size <= this.keep) break;
      this.drop(oldest);
    }
    return (await piece).bytes;
  }

  private async load(index: number): Promise<Piece> {
    const { sizes, fetch, check } = this.pieces;
    const fetched = await fetch(index);
    const piece = await (this.isTransient ? this.pool.read(fetched, sizes[index]) : readWhole(fetched));
    await check(piece.bytes, index);
    return piece;
  }

  private drop(index: number): void {
    if (this.isTransient) {
      this.held.get(index)?.then(
        (piece) => this.pool.release(piece),
        () => undefined,
      );
    }
    this.held.delete(index);
  }
}

/** The last piece that begins at or before `offset`. */
function indexAt(begins: readonly number[], offset: number): number {
  let low = 0;
  let high = begins.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (begins[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

async function checkPart(manifest: Manifest, part: Part, bytes: Uint8Array): Promise<void> {
  const place = { file: manifest.name, field: part.name };
  if (bytes.length !== part.size) {
    throw new FormatError(`expected ${part.size} bytes, got ${bytes.length}`, place);
  }
  const sha256 = hex(await digest(bytes));
  if (sha256 !== part.sha256) {
    throw new FormatError(`expected sha256 ${part.sha256}, got ${sha256}; fetch it again`, place);
  }
}
