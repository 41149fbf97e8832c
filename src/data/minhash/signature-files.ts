// datatrove's signature files, little-endian, one a bucket and task:
//
//     bucket_%03d/%05d.minhash.sig    hashesPerBucket × u64, then u32 number of the document in its task; sorted
//     bucket_%03d/NAME.minhash.index  hashesPerBucket × u64 alone; sorted
//
// Sorted by all fields as numbers, so that a merge of files meets equal signatures one after another.

import { FormatError } from '../../base/errors.ts';
import { type MinHashConfig, PRIME } from './config.ts';

/** Bytes of records that are read at a time. */
const BLOCK_BYTES = 1 << 16;

/** A file that is read in pieces. */
export interface RecordFile {
  readonly name: string;
  readonly byteLength: number;
  /** @returns exactly `length` bytes */
  read(offset: number, length: number): Uint8Array;
}

export interface SignatureRecord {
  /** [hashesPerBucket] */
  readonly hashes: BigUint64Array;
  /** Number of the document in its task; −1 in an index. */
  readonly doc: number;
}

export function signatureFileName(bucket: number, task: number): string {
  return `${bucketFolder(bucket)}/${String(task).padStart(5, '0')}.minhash.sig`;
}

export function bucketFolder(bucket: number): string {
  return `bucket_${String(bucket).padStart(3, '0')}`;
}

/** The signatures of one task, kept until its files are written: 8 bytes a hash, 4 a document. */
export class SignatureTable {
  private readonly config: MinHashConfig;
  private readonly signatures: BigUint64Array[] = [];
  private readonly docs: number[] = [];

  constructor(config: MinHashConfig) {
    this.config = config;
  }

  /** @param doc number of the document among all of the task, those without a signature included */
  add(doc: number, signature: BigUint64Array): void {
    this.signatures.push(signature);
    this.docs.push(doc);
  }

  /** The bytes of a bucket's signature file. */
  bucket(bucket: number): Uint8Array {
    const { hashesPerBucket } = this.config;
    const begin = bucket * hashesPerBucket;
    const order = [...this.docs.keys()].sort((i, j) => {
      const difference = compareHashes(
        this.signatures[i],
        this.signatures[j],
        begin,
        begin + hashesPerBucket,
      );
      return difference || this.docs[i] - this.docs[j];
    });
    const view = new DataView(new ArrayBuffer(order.length * recordBytes(this.config, false)));
    let at = 0;
    for (const i of order) {
      for (let h = begin; h < begin + hashesPerBucket; h++, at += 8)
        view.setBigUint64(at, this.signatures[i][h], true);
      view.setUint32(at, this.docs[i], true);
      at += 4;
    }
    return new Uint8Array(view.buffer);
  }
}

/**
 * The records of a signature or index file, in order.
 *
 * @throws FormatError when the length is no multiple of a record, a hash is no hash, or records are not sorted
 */
export function* readSignatures(
  file: RecordFile,
  config: MinHashConfig,
  { isIndex }: { isIndex: boolean },
): Generator<SignatureRecord> {
  const { hashesPerBucket } = config;
  const size = recordBytes(config, isIndex);
  if (file.byteLength % size !== 0) {
    const problem = `expected records of ${size} bytes, got ${file.byteLength} bytes; was it made with other settings?`;
    throw new FormatError(problem, { file: file.name });
  }
  const stride = size * Math.max(1, Math.floor(BLOCK_BYTES / size));
  let last: SignatureRecord | null = null;
  for (let offset = 0; offset < file.byteLength; offset += stride) {
    const bytes = file.read(offset, Math.min(stride, file.byteLength - offset));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += size) {
      const hashes = new BigUint64Array(hashesPerBucket);
      for (let h = 0; h < hashesPerBucket; h++) hashes[h] = view.getBigUint64(at + 8 * h, true);
      const record = { hashes, doc: isIndex ? -1 : view.getUint32(at + 8 * hashesPerBucket, true) };
      checkRecord(record, last, { file: file.name, offset: offset + at });
      yield record;
      last = record;
    }
  }
}

function checkRecord(
  record: SignatureRecord,
  last: SignatureRecord | null,
  place: { file: string; offset: number },
) {
  if (record.hashes.some((hash) => hash >= PRIME))
    throw new FormatError('expected hashes below 2^61 − 1; was it made with other settings?', place);
  if (last && compareRecords(last, record) > 0) throw new FormatError('expected sorted signatures', place);
}

export function compareRecords(left: SignatureRecord, right: SignatureRecord): number {
  return compareHashes(left.hashes, right.hashes, 0, left.hashes.length) || left.doc - right.doc;
}

/** Negative, zero or positive, by hashes [begin, end). */
export function compareHashes(
  left: BigUint64Array,
  right: BigUint64Array,
  begin: number,
  end: number,
): number {
  for (let h = begin; h < end; h++) if (left[h] !== right[h]) return left[h] < right[h] ? -1 : 1;
  return 0;
}

function recordBytes(config: MinHashConfig, isIndex: boolean): number {
  return 8 * config.hashesPerBucket + (isIndex ? 0 : 4);
}

/** A file that is in memory already. */
export function inMemory(name: string, bytes: Uint8Array): RecordFile {
  return {
    name,
    byteLength: bytes.byteLength,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}
