// Ours, in Node, as a program that installs the package would run it: the built files of dist/.

import { readFileSync } from 'node:fs';
import { timeDecode, timePrefill } from '../../dist/cli/speed.js';
import { readGguf } from '../../dist/format/gguf.js';
import { fileSource } from '../../dist/node/file-source.js';
import { nodePlatform } from '../../dist/node/platform.js';
import { loadModel } from '../../dist/run/load.js';
import { startClock } from './clock.mjs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
let model;
let cache;
let contextIds = [];

export async function open({ model: path, threads, contextSize, options }) {
  const checkpoint = await readGguf(await fileSource(path));
  model = await loadModel(checkpoint, { ...options, threads, maxSeqLen: contextSize }, nodePlatform);
  await checkpoint.close();
  cache = model.newCache();
  return { version: `smollm2 ${version} in Node ${process.versions.node}` };
}

export async function prefill({ ids }) {
  cache.length = 0;
  contextIds = [];
  const elapsed = startClock();
  const ms = await timePrefill(model, cache, ids);
  return { ...elapsed(), ms };
}

export async function decode({ ids, count }) {
  const context = ids.slice(0, -1);
  if (context.join() !== contextIds.join()) {
    cache.length = 0;
    await model.forward(context, cache, { logits: 'none' });
    contextIds = context;
  }
  const elapsed = startClock();
  const decoded = await timeDecode(model, cache, ids.at(-1), count);
  return { ...elapsed(), ...decoded };
}

export async function close() {
  await model?.close();
}
