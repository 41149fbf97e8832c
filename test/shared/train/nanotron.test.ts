import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNanotron } from '../../../src/format/nanotron.ts';
import { nanotronFiles } from '../../../src/format/nanotron-write.ts';
import { SafetensorsFile } from '../../../src/format/safetensors.ts';
import { bytesSource } from '../../../src/format/source.ts';
import { fileSource } from '../../../src/node/file-source.ts';
import { openNode } from '../../../src/node/open.ts';
import { sharedFile } from '../shared.ts';

const folderOf = (name: string) => sharedFile(`goldens/training/nanotron-ckpt/${name}`);

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function open(name: string) {
  const folder = folderOf(name);
  return readNanotron(filesBelow(folder), (file) => fileSource(join(folder, file)), name);
}

describe("nanotron's checkpoints of the tiny model", () => {
  it.each(['tp1', 'tp2'])('%s is read as the HF folder that it was made from', async (name) => {
    const nanotron = await open(name);
    const hf = await openNode(sharedFile('goldens/tiny/gqa'));
    expect([...nanotron.tensors.keys()].sort()).toEqual([...hf.tensors.keys()].sort());
    for (const [key, tensor] of hf.tensors) {
      const rows = tensor.shape.length === 1 ? 1 : tensor.shape[0];
      expect([...(await nanotron.tensors.get(key)!.readRows(0, rows))], key).toEqual([
        ...(await tensor.readRows(0, rows)),
      ]);
    }
    expect(nanotron.config).toMatchObject({ hiddenSize: 32, numKvHeads: 2, ropeTheta: 10_000 });
  });

  it.each([
    ['tp1', 1],
    ['tp2', 2],
  ])('%s is written file for file', async (name, tp) => {
    const folder = folderOf(name);
    const written = new Map<string, Uint8Array>();
    for await (const { path, bytes } of nanotronFiles(await open('tp1'), { tp })) written.set(path, bytes);
    expect([...written.keys()].sort()).toEqual(filesBelow(folder).sort());
    for (const [path, bytes] of written) {
      if (!path.endsWith('.safetensors')) continue;
      const ours = await SafetensorsFile.open(bytesSource(path, bytes));
      const golden = await SafetensorsFile.open(bytesSource(path, readFileSync(join(folder, path))));
      expect(ours.metadata, path).toEqual(golden.metadata);
      expect([...(await ours.readBytes('data'))], path).toEqual([...(await golden.readBytes('data'))]);
    }
    const metadata = JSON.parse(new TextDecoder().decode(written.get('checkpoint_metadata.json')));
    const golden = JSON.parse(readFileSync(join(folder, 'checkpoint_metadata.json'), 'utf8'));
    expect({ ...metadata, metas: golden.metas }).toEqual(golden);
    expect(Object.keys(metadata.metas).sort()).toEqual(Object.keys(golden.metas).sort());
  });
});
