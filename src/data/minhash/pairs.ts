// From signatures to pairs of documents: the files of a bucket are merged, and neighbours with equal signatures are a
// pair. Pairs are written as datatrove's `%05d_%02d.dups`: u32 file, u32 document, twice.

import { FormatError } from '../../base/errors.ts';
import type { MinHashConfig } from './config.ts';
import {
  bucketFolder,
  compareHashes,
  type RecordFile,
  readSignatures,
  type SignatureRecord,
} from './signature-files.ts';

/** Stands for a document of an index, which has no number. */
export const FROM_INDEX = 0xffffffff;

export interface DocumentPair {
  /** Task and number of the document that comes first; FROM_INDEX twice when it is of an index. */
  readonly first: DocumentPlace;
  readonly second: DocumentPlace;
}

export interface DocumentPlace {
  readonly task: number;
  readonly doc: number;
}

export interface BucketFiles {
  /** Signature files of one bucket, named `…/%05d.minhash.sig`. */
  readonly signatures: readonly RecordFile[];
  /** Signatures of documents seen before. */
  readonly indexes?: readonly RecordFile[];
}

export interface PairOptions {
  /** With an index: report only what is in the index, not pairs among the new documents. Default true, as datatrove. */
  readonly onlyIndex?: boolean;
  /** Called with each new signature that is in no index, in order: the records of the next index. */
  readonly onNew?: (hashes: BigUint64Array) => void;
}

/** A reader of the merge and its next record. `source` < 0 is an index: those come before documents. */
interface Head {
  readonly source: number;
  readonly task: number;
  readonly record: SignatureRecord;
  readonly rest: Iterator<SignatureRecord>;
}

/**
 * Pairs of one bucket, in the order of (signature, file, document). Of n equal documents there are n − 1 pairs, each
 * with its predecessor.
 *
 * @throws FormatError for a file that breaks the format
 */
export function* findPairs(
  files: BucketFiles,
  config: MinHashConfig,
  { onlyIndex = true, onNew }: PairOptions = {},
): Generator<DocumentPair> {
  const hasIndex = (files.indexes ?? []).length > 0;
  let last: Head | null = null;
  for (const head of merged(files, config)) {
    const isEqual =
      last !== null && compareHashes(last.record.hashes, head.record.hashes, 0, config.hashesPerBucket) === 0;
    if (head.source >= 0) {
      if (!isEqual) onNew?.(head.record.hashes);
      else if (last!.source < 0)
        yield { first: { task: FROM_INDEX, doc: FROM_INDEX }, second: placeOf(head) };
      else if (!hasIndex || !onlyIndex) yield { first: placeOf(last!), second: placeOf(head) };
    }
    last = head;
  }
}

function placeOf(head: Head): DocumentPlace {
  return { task: head.task, doc: head.record.doc };
}

/** All records in order, by a binary heap of the files' next ones. */
function* merged(files: BucketFiles, config: MinHashConfig): Generator<Head> {
  const heap: Head[] = [];
  const advance = (source: number, task: number, rest: Iterator<SignatureRecord>) => {
    const next = rest.next();
    if (!next.done) push(heap, { source, task, record: next.value, rest });
  };
  for (const file of files.indexes ?? [])
    advance(-1, FROM_INDEX, readSignatures(file, config, { isIndex: true }));
  for (const [source, file] of files.signatures.entries())
    advance(source, taskOf(file), readSignatures(file, config, { isIndex: false }));
  for (let head = pop(heap); head; head = pop(heap)) {
    yield head;
    advance(head.source, head.task, head.rest);
  }
}

function taskOf(file: RecordFile): number {
  const digits = /(\d+)\.minhash\.sig$/.exec(file.name)?.[1];
  if (digits === undefined)
    throw new FormatError('expected a name like 00000.minhash.sig', { file: file.name });
  return Number(digits);
}

function precedes(left: Head, right: Head): boolean {
  const order = compareHashes(left.record.hashes, right.record.hashes, 0, left.record.hashes.length);
  return (order || left.source - right.source || left.record.doc - right.record.doc) < 0;
}

function push(heap: Head[], head: Head): void {
  let at = heap.push(head) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!precedes(heap[at], heap[parent])) return;
    [heap[at], heap[parent]] = [heap[parent], heap[at]];
    at = parent;
  }
}

function pop(heap: Head[]): Head | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return top;
  heap[0] = last;
  for (let at = 0; ; ) {
    const left = 2 * at + 1;
    const right = left + 1;
    let least = at;
    if (left < heap.length && precedes(heap[left], heap[least])) least = left;
    if (right < heap.length && precedes(heap[right], heap[least])) least = right;
    if (least === at) return top;
    [heap[at], heap[least]] = [heap[least], heap[at]];
    at = least;
  }
}

export function pairFileName(bucket: number): string {
  return `${String(bucket).padStart(5, '0')}_00.dups`;
}

export function indexFileName(bucket: number, name: string): string {
  return `${bucketFolder(bucket)}/${name}.minhash.index`;
}

/** The bytes of an index: signatures that `onNew` was given, in its order. */
export function encodeIndex(signatures: readonly BigUint64Array[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(signatures.reduce((sum, { byteLength }) => sum + byteLength, 0)));
  let at = 0;
  for (const hashes of signatures)
    for (const hash of hashes) {
      view.setBigUint64(at, hash, true);
      at += 8;
    }
  return new Uint8Array(view.buffer);
}

export function encodePairs(pairs: readonly DocumentPair[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(16 * pairs.length));
  for (const [i, { first, second }] of pairs.entries())
    for (const [k, value] of [first.task, first.doc, second.task, second.doc].entries())
      view.setUint32(16 * i + 4 * k, value, true);
  return new Uint8Array(view.buffer);
}

/** @throws FormatError when the length is no multiple of a pair */
export function* readPairs(file: RecordFile): Generator<DocumentPair> {
  if (file.byteLength % 16 !== 0)
    throw new FormatError(`expected pairs of 16 bytes, got ${file.byteLength} bytes`, { file: file.name });
  const stride = 1 << 16;
  for (let offset = 0; offset < file.byteLength; offset += stride) {
    const bytes = file.read(offset, Math.min(stride, file.byteLength - offset));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += 16) {
      const [task, doc, otherTask, otherDoc] = [0, 4, 8, 12].map((k) => view.getUint32(at + k, true));
      yield { first: { task, doc }, second: { task: otherTask, doc: otherDoc } };
    }
  }
}
