// The grouping between two phases: keys of all ranks in, keys that are taken out, a file a rank. Any rank may do it,
// and two that do it at once write the same.

import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { type KeyedDocument, KeyTable, takenKeys } from '../../data/pipeline/group.ts';
import type { GroupStage } from '../../data/stage.ts';
import { decodeUtf8, linesOf } from './lines.ts';
import type { Layout } from './outputs.ts';
import { bytesOf, OutputFile } from './streams.ts';

export async function groupPhase(
  layout: Layout,
  phase: number,
  world: number,
  grouping: GroupStage['grouping'],
): Promise<void> {
  const done = `${layout.between(phase, 0)}.grouped`;
  if (existsSync(done)) return;
  const table = new KeyTable();
  const begins = [0];
  for (let rank = 0; rank < world; rank++) {
    for await (const { bytes } of linesOf(
      bytesOf(`${layout.between(phase, rank)}.keys.jsonl`, { bytes: 0 }),
    )) {
      table.add(JSON.parse(decodeUtf8(bytes!).text) as KeyedDocument);
    }
    begins.push(table.ids.length);
  }
  const taken = takenKeys(table, grouping);
  for (let rank = 0; rank < world; rank++) {
    const path = takenPath(layout, phase, rank);
    const own = `${path}.${process.pid}`;
    const file = new OutputFile(own);
    for (let doc = begins[rank]; doc < begins[rank + 1]; doc++) {
      const keys = taken.get(doc);
      if (keys) await file.write(`${JSON.stringify([doc - begins[rank], keys])}\n`);
    }
    await file.close();
    await rename(own, path);
  }
  await writeFile(done, '');
}

/** Taken keys by number of the document in the rank's file between the phases. */
export async function readTaken(
  layout: Layout,
  phase: number,
  rank: number,
): Promise<Map<number, readonly string[]>> {
  const taken = new Map<number, readonly string[]>();
  for await (const { bytes } of linesOf(bytesOf(takenPath(layout, phase, rank), { bytes: 0 }))) {
    const [doc, keys] = JSON.parse(decodeUtf8(bytes!).text) as [number, string[]];
    taken.set(doc, keys);
  }
  return taken;
}

function takenPath(layout: Layout, phase: number, rank: number): string {
  return `${layout.between(phase, rank)}.taken.jsonl`;
}

/** Keys of the documents that stay, one line each, in their order. */
export function keysPath(layout: Layout, phase: number, rank: number): string {
  return `${layout.between(phase, rank)}.keys.jsonl`;
}
