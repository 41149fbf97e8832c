// The tiny model tiny/gqa as a GGUF file in float32, for make_eval_callback.py:
//
//     node --import ./bench/typescript.mjs test/golden/make_tiny_gguf.ts OUT.gguf

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeGguf } from '../../src/format/gguf-write.ts';
import { readHfFolder } from '../../src/format/hf.ts';
import { ggufContentOfHf } from '../../src/format/to-gguf.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const folder = makeTinyFolder();
const checkpoint = await readHfFolder((name) => fileSource(join(folder, name)), 'gqa');
const { metadata, tensors } = ggufContentOfHf(checkpoint);
const whole = tensors.map((tensor) => ({
  ...tensor,
  pieces: async function* () {
    yield await tensor.readRows(0, tensor.shape.length > 1 ? tensor.shape[0] : 1);
  },
}));
const pieces: Uint8Array[] = [];
for await (const piece of writeGguf(metadata, whole)) pieces.push(piece);
writeFileSync(process.argv[2], Buffer.concat(pieces));
await checkpoint.close();
rmSync(folder, { recursive: true });
