// Cutting a file into parts that fit a host's limit on the size of one file, with the manifest that joins them
// (src/format/parts.ts).

import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { shown } from '../base/shown.ts';
import type { GgufShard } from '../format/gguf-shards.ts';
import { MAX_PART_BYTES, type Manifest, type Part } from '../format/parts.ts';
import type { Source } from '../format/source.ts';
import { makeFolder, writeFileWhole } from './write-file.ts';

/**
 * Writes `FILE.000`, `FILE.001`, … and then `FILE.json` into `folder`. The manifest comes last and by rename, so
 * that parts without one are never believed.
 *
 * @param partBytes bytes of every part but the last
 * @returns the manifest and its path
 */
export async function splitFile(
  source: Source,
  folder: string,
  partBytes: number,
  onPart?: (part: Part, bytesDone: number) => void,
): Promise<{ manifest: Manifest; path: string }> {
  if (!(Number.isSafeInteger(partBytes) && partBytes >= 1024 && partBytes <= MAX_PART_BYTES)) {
    throw new RangeError(`part size: expected 1 KiB to ${MAX_PART_BYTES} bytes, got ${partBytes}`);
  }
  makeFolder(folder);
  const name = basename(source.name).replace(/[^\w.-]/g, '_');
  const width = Math.max(3, String(Math.ceil(source.size / partBytes) - 1).length);
  const whole = createHash('sha256');
  const parts: Part[] = [];
  for (let at = 0; at < source.size; at += partBytes) {
    const bytes = await source.read(at, Math.min(partBytes, source.size - at));
    whole.update(bytes);
    const part = {
      name: `${name}.${String(parts.length).padStart(width, '0')}`,
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
    await writeFileWhole(join(folder, part.name), [bytes]);
    parts.push(part);
    onPart?.(part, at + bytes.length);
  }
  const sha256 = whole.digest('hex');
  const manifest: Manifest = { format: 'smollm2-parts', version: 1, name, size: source.size, sha256, parts };
  const path = join(folder, `${name}.json`);
  await writeFileWhole(path, [new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`)]);
  return { manifest, path };
}

/**
 * Writes GGUF shards into `folder`. The first comes last: without it nobody takes the others for a model.
 *
 * @returns path of the first, and bytes of all
 */
export async function writeShards(
  shards: readonly GgufShard[],
  folder: string,
  onShard?: (numWritten: number) => void,
): Promise<{ path: string; bytes: number }> {
  makeFolder(folder);
  let bytes = 0;
  for (const [n, { name, pieces }] of [...shards.slice(1), shards[0]].entries()) {
    bytes += await writeFileWhole(join(folder, name), pieces);
    onShard?.(n + 1);
  }
  return { path: join(folder, shards[0].name), bytes };
}

/** Bytes of a size such as `128MB`, `24MiB`, `1.5 GB` or `4096`. */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(|[kmg]i?)b?\s*$/i.exec(text);
  if (!match) throw new RangeError(`size: expected one such as 128MB or 24MiB, got ${shown(text)}`);
  const [, number, unit] = match;
  const base = unit.length === 2 ? 1024 : 1000;
  const power = ['', 'k', 'm', 'g'].indexOf(unit.slice(0, 1).toLowerCase());
  return Math.round(Number(number) * base ** power);
}
