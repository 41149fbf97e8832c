// Native llama.cpp through node-llama-cpp and its prebuilt binary for this processor.

import { readFileSync } from 'node:fs';
import { getLlama } from 'node-llama-cpp';
import { startClock } from './clock.mjs';

const manifest = new URL('./node_modules/node-llama-cpp/package.json', import.meta.url);
let llama;
let model;
let context;
let sequence;

export async function open({ model: modelPath, threads, contextSize, flashAttention = false }) {
  await model?.dispose();
  // maxThreads 0: the context's own number counts. Never build: only the shipped binary is a peer.
  llama ??= await getLlama({ gpu: false, build: 'never', maxThreads: 0, logLevel: 'error' });
  model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  context = await model.createContext({ contextSize, batchSize: 512, threads, flashAttention });
  sequence = context.getSequence();
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  return { version: `node-llama-cpp ${version} (llama.cpp ${llama.llamaCppRelease.release})` };
}

export async function prefill({ ids }) {
  await sequence.clearHistory();
  const elapsed = startClock();
  await sequence.evaluateWithoutGeneratingNewTokens(ids);
  return elapsed();
}

export async function decode({ ids, count }) {
  await fill(ids.slice(0, -1));
  const generated = [];
  const begun = sequence.evaluate(ids.slice(-1), { temperature: 0, yieldEogToken: true });
  // The first token takes the last prompt id through the network, as each later one takes the token before it.
  const elapsed = startClock();
  for await (const id of begun) {
    generated.push(id);
    if (generated.length === count) break;
  }
  return { ...elapsed(), ids: generated };
}

export async function close() {
  await llama?.dispose();
}

/** Leaves exactly `ids` in the context; what is there already is kept. */
async function fill(ids) {
  const kept = sequence.compareContextTokens(ids).firstDifferentIndex;
  if (sequence.nextTokenIndex > kept) {
    await sequence.eraseContextTokenRanges([{ start: kept, end: sequence.nextTokenIndex }]);
  }
  if (kept < ids.length) await sequence.evaluateWithoutGeneratingNewTokens(ids.slice(kept));
}
