// `npm run vectors`: writes vectors/135m-instruct-q4_1.json and vectors/manifest.json. The float64 engine
// runs twelve prompts, which takes some minutes; the sha256 are those of the WASM kernels of this build.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { readGguf } from '../src/format/gguf.ts';
import { loadModel } from '../src/run/load.ts';
import type { Model } from '../src/model/model.ts';
import { fileSource } from '../src/node/file-source.ts';
import { findWeights } from '../src/node/find-weights.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { kernelsId } from '../src/wasm/kernels.ts';
import { goldenPrompt, SHORT_PROMPTS } from '../test/support/prompts.ts';

const TOP = 10;
const FILE = '135m-instruct-q4_1.json';

async function allLogits(model: Model, ids: readonly number[]) {
  const cache = model.newCache(ids.length);
  const logits = await model.forward(ids, cache, { logits: 'all' });
  model.freeCache(cache);
  return logits;
}

const word = new DataView(new ArrayBuffer(8));

/** The bits of a float64, most significant first. */
function bitsOf(value: number): string {
  word.setFloat64(0, value);
  return word.getBigUint64(0).toString(16).padStart(16, '0');
}

/** Ids of the largest logits, the smaller id first among equals. */
function topOf(row: ArrayLike<number>): number[] {
  const ids = Array.from({ length: row.length }, (_, id) => id);
  return ids.sort((a, b) => row[b] - row[a] || a - b).slice(0, TOP);
}

const { path } = await findWeights(process.argv[2] ?? '135m', { onNote: (text) => console.error(text) });
const checkpoint = await readGguf(await fileSource(path));
const { vocabSize } = checkpoint.config;
const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
const prompts = SHORT_PROMPTS.map(goldenPrompt);

const hashes: Record<string, Record<string, string>> = {};
for (const precision of ['fast', 'precise'] as const) {
  const model = await loadModel(checkpoint, { engine: 'wasm', precision, maxSeqLen: 256 }, nodePlatform);
  for (const { name, ids } of prompts) {
    const logits = await allLogits(model, ids);
    const bytes = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
    hashes[name] = { ...hashes[name], [precision]: createHash('sha256').update(bytes).digest('hex') };
  }
  await model.close();
}

const model = await loadModel(checkpoint, { engine: 'reference', maxSeqLen: 256 });
const entries = [];
for (const { name, text, ids } of prompts) {
  const logits = await allLogits(model, ids);
  const rows = ids.map((_, t) => logits.subarray(t * vocabSize, (t + 1) * vocabSize));
  const last = rows[rows.length - 1];
  entries.push({
    name,
    text,
    ids,
    top: topOf(last).map((id) => ({ id, logit: last[id], bits: bitsOf(last[id]) })),
    greedy: rows.map((row) => topOf(row)[0]),
    sha256: hashes[name],
  });
  console.error(name);
}
await model.close();
await checkpoint.close();

const vectors = {
  model: { file: 'SmolLM2-135M-Instruct.Q4_1.gguf', sha256 },
  vocabSize,
  prompts: entries,
};
const text = `${JSON.stringify(vectors, null, 1)}\n`;
writeFileSync(new URL(FILE, import.meta.url), text);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const kernels = new WebAssembly.Module(readFileSync(new URL('../dist/wasm/strict.wasm', import.meta.url)));
const manifest = {
  format: 'smollm2-vectors-1',
  version,
  node: process.version,
  kernels: kernelsId(kernels),
  files: { [FILE]: createHash('sha256').update(text).digest('hex') },
};
writeFileSync(new URL('manifest.json', import.meta.url), `${JSON.stringify(manifest, null, 1)}\n`);
console.log(`${entries.length} prompts, ${text.length} bytes`);
