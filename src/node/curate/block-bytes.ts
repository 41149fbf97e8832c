// What travels between the thread that reads and writes and those that compute: bytes of whole lines there, bytes of
// whole lines back. Their buffers are handed over, not copied; decoding, JSON and encoding are the other threads' work,
// since the one thread that reads for all sets the limit of what many can do.

import type { Block, BlockResult } from '../../data/pipeline/block.ts';
import { decodeUtf8, LINE_FEED } from './lines.ts';

/** A block as its reader leaves it: rows, or lines that nobody has looked into. */
export interface ReadBlock extends Omit<Block, 'rows' | 'numRepaired'> {
  readonly numRows: number;
  /** Lines, each ended by a line feed; or rows of a format that is not made of lines. */
  readonly rows: Uint8Array<ArrayBuffer> | Block['rows'];
}

/** Documents that stay, documents that go by stage, keys: each as lines of JSON, or nothing. */
export interface WrittenBlock {
  readonly numRows: number;
  readonly numRepaired: number;
  readonly kept: Uint8Array<ArrayBuffer>;
  readonly removed: readonly Uint8Array<ArrayBuffer>[];
  readonly keys: Uint8Array<ArrayBuffer>;
  /** Two numbers an id. */
  readonly idHashes: Uint32Array<ArrayBuffer>;
}

export function decodedBlock({ rows, numRows: _, ...place }: ReadBlock): Block {
  if (!(rows instanceof Uint8Array)) return { ...place, rows, numRepaired: 0 };
  const lines: string[] = [];
  let numRepaired = 0;
  for (let begin = 0; begin < rows.length; ) {
    const end = rows.indexOf(LINE_FEED, begin);
    const { text, isRepaired } = decodeUtf8(rows.subarray(begin, end));
    lines.push(text);
    if (isRepaired) numRepaired++;
    begin = end + 1;
  }
  return { ...place, rows: lines, numRepaired };
}

export function writtenBlock(result: BlockResult, numRows: number): WrittenBlock {
  return {
    numRows,
    numRepaired: result.numRepaired,
    kept: encoded(result.kept),
    removed: result.removed.map(encoded),
    keys: encoded(result.keys.map((doc) => JSON.stringify(doc))),
    idHashes: Uint32Array.from(result.idHashes),
  };
}

/** What a message hands over. */
export function buffersOf(block: ReadBlock | WrittenBlock): ArrayBuffer[] {
  if ('rows' in block) return block.rows instanceof Uint8Array ? [block.rows.buffer] : [];
  return [block.kept, ...block.removed, block.keys, block.idHashes].map(({ buffer }) => buffer);
}

function encoded(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(lines.length === 0 ? '' : `${lines.join('\n')}\n`);
}
