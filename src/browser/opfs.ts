// Files of the weights cache in the origin's private file system: `KEY.bin` holds the bytes and `KEY.json` the record
// that says what they are. In a worker bytes are written in place, so they outlive a closed tab; on a page they become
// visible when the writer is closed.

import type { Sink } from '../download/download.ts';

/** What is known of a stored file. Written before the first byte, and again after the last was checked. */
export interface StoredRecord {
  readonly url: string;
  readonly etag?: string;
  readonly isComplete: boolean;
  /** Of a complete file. */
  readonly size?: number;
  readonly sha256?: string;
  /** Hash of the hashes of its pieces, which every load computes again (weights-cache.ts). */
  readonly piecesHash?: string;
}

export interface FileSink extends Sink {
  /** Flushes; the sink cannot be used afterwards. */
  close(): Promise<void>;
}

/** The exclusive handle that workers have (TypeScript's DOM library knows it only among workers). */
interface SyncAccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

/** Bytes read back at once, for the hash of a resumed download. */
const PIECE_BYTES = 2 ** 22;

/** The record of a key; undefined where there is none or it was torn by a crash. */
export async function readRecord(
  folder: FileSystemDirectoryHandle,
  key: string,
): Promise<StoredRecord | undefined> {
  const handle = await folder.getFileHandle(`${key}.json`).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const record: StoredRecord = JSON.parse(await (await handle.getFile()).text());
    return typeof record.url === 'string' && typeof record.isComplete === 'boolean' ? record : undefined;
  } catch {
    return undefined;
  }
}

export async function writeRecord(
  folder: FileSystemDirectoryHandle,
  key: string,
  record: StoredRecord,
): Promise<void> {
  const handle = await folder.getFileHandle(`${key}.json`, { create: true });
  const bytes = new TextEncoder().encode(JSON.stringify(record));
  const access = await openAccess(handle);
  if (!access) {
    const writer = await handle.createWritable();
    await writer.write(bytes);
    return writer.close();
  }
  access.truncate(0);
  access.write(bytes, { at: 0 });
  access.flush();
  access.close();
}

/** The bytes of a key as a File that reads from disk. */
export async function storedFile(folder: FileSystemDirectoryHandle, key: string): Promise<File | undefined> {
  const handle = await folder.getFileHandle(`${key}.bin`).catch(() => undefined);
  return handle?.getFile();
}

export async function removeFile(folder: FileSystemDirectoryHandle, key: string): Promise<void> {
  await removeEntry(folder, `${key}.bin`);
}

/** Removes record, then bytes: a crash in between leaves bytes that no record vouches for. */
export async function forgetFile(folder: FileSystemDirectoryHandle, key: string): Promise<void> {
  await removeEntry(folder, `${key}.json`);
  await removeEntry(folder, `${key}.bin`);
}

async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  await folder.removeEntry(name).catch((cause) => {
    if ((cause as Error).name !== 'NotFoundError') throw cause;
  });
}

/** The file of a key, open for writing at its end. */
export async function openSink(folder: FileSystemDirectoryHandle, key: string): Promise<FileSink> {
  const handle = await folder.getFileHandle(`${key}.bin`, { create: true });
  const access = await openAccess(handle);
  return access ? accessSink(access) : writerSink(handle);
}

async function openAccess(handle: FileSystemFileHandle): Promise<SyncAccessHandle | undefined> {
  if (!('createSyncAccessHandle' in handle)) return undefined;
  return (handle.createSyncAccessHandle as () => Promise<SyncAccessHandle>)();
}

function accessSink(access: SyncAccessHandle): FileSink {
  return {
    get size() {
      return access.getSize();
    },
    append: async (bytes) => {
      const at = access.getSize();
      const written = access.write(bytes, { at });
      if (written === bytes.length) return;
      access.truncate(at);
      throw new DOMException(`wrote ${written} of ${bytes.length} bytes`, 'QuotaExceededError');
    },
    clear: async () => access.truncate(0),
    async *pieces() {
      const size = access.getSize();
      for (let at = 0; at < size; at += PIECE_BYTES) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, size - at));
        access.read(piece, { at });
        yield piece;
      }
    },
    close: async () => {
      access.flush();
      access.close();
    },
  };
}

async function writerSink(handle: FileSystemFileHandle): Promise<FileSink> {
  const before = await handle.getFile();
  const writer = await handle.createWritable({ keepExistingData: true });
  let size = before.size;
  await writer.seek(size);
  return {
    get size() {
      return size;
    },
    append: async (bytes) => {
      await writer.write(bytes as Uint8Array<ArrayBuffer>);
      size += bytes.length;
    },
    clear: async () => {
      await writer.truncate(0);
      size = 0;
    },
    async *pieces() {
      for (let at = 0; at < before.size; at += PIECE_BYTES) {
        yield new Uint8Array(await before.slice(at, at + PIECE_BYTES).arrayBuffer());
      }
    },
    close: () => writer.close(),
  };
}
