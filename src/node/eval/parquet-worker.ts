// Decodes one parquet file away from the program: a broken footer can keep the decoder busy for ever or fill its
// memory, and only a thread can be stopped from outside.

import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { parquetReadObjects } from 'hyparquet';

const bytes = await readFile(workerData as string);
const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
const records = await parquetReadObjects({ file });
parentPort?.postMessage(records.map(plain));

/** 64-bit whole numbers as numbers, and typed arrays as lists. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
