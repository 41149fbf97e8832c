// Ours through the door for pages: the model runs in a worker and its team, the page awaits.

import { load } from '/dist/bundle/browser/index.js';
import { timeDecode, timePrefill } from '/dist/cli/speed.js';

let model;
let cache;

window.engine = {
  async open({ model: address, threads, contextSize, options }) {
    if (!crossOriginIsolated) throw new Error('the page has no shared memory');
    ({ model } = await load(address, { ...options, threads, maxSeqLen: contextSize, cache: false }));
    cache = model.newCache();
    const { version } = await (await fetch('/package.json')).json();
    return { version: `smollm2 ${version}` };
  },

  async prefill({ ids }) {
    cache.length = 0;
    return { ms: await timePrefill(model, cache, ids) };
  },

  async decode({ ids, count }) {
    cache.length = 0;
    await model.forward(ids.slice(0, -1), cache, { logits: 'none' });
    return timeDecode(model, cache, ids.at(-1), count);
  },
};
