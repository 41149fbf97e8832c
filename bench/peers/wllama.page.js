// wllama on the processor (no WebGPU). It takes and gives text, in whole completion requests, so `ids` come as `text` too
// and the times are those that it reports.

import { Wllama } from './node_modules/@wllama/wllama/esm/index.js';

const wasm = '/bench/peers/node_modules/@wllama/wllama/esm/wasm/wllama.wasm';
let wllama;

window.engine = {
  async open({ model, threads, contextSize, flashAttention = false }) {
    wllama = new Wllama({ default: wasm }, { suppressNativeLog: true });
    const weights = await (await fetch(model)).blob();
    await wllama.loadModel([weights], {
      n_ctx: contextSize,
      n_batch: 512,
      n_threads: threads,
      n_gpu_layers: 0,
      n_parallel: 1,
      flash_attn: flashAttention,
    });
    const { version } = await (await fetch('/bench/peers/node_modules/@wllama/wllama/package.json')).json();
    if (threads > 1 && !wllama.isMultithread()) throw new Error('wllama fell back to one thread');
    return { version: `wllama ${version} (${Wllama.getLibllamaVersion()})` };
  },

  async prefill({ ids, text }) {
    const { timings } = await complete(text, { max_tokens: 1, cache_prompt: false });
    if (timings.prompt_n !== ids.length)
      throw new Error(`wllama took ${timings.prompt_n} of ${ids.length} ids`);
    return { ms: timings.prompt_ms };
  },

  async decode({ text, count }) {
    const { timings, choices } = await complete(text, { max_tokens: count + 1, cache_prompt: true });
    // The first token comes out of the prompt's pass, so its time is not among the predicted ones.
    return { ms: (timings.predicted_ms * count) / (timings.predicted_n - 1), text: choices[0].text };
  },
};

function complete(text, options) {
  return wllama.createCompletion({
    prompt: text,
    temperature: 0,
    top_k: 1,
    ignore_eos: true,
    ...options,
  });
}
