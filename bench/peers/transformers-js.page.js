// transformers.js on the processor, by the calls of its documentation: from_pretrained, then generate() with a streamer
// that takes the time of each token. It computes with the onnxruntime-web that it brings.

import {
  AutoModelForCausalLM,
  DynamicCache,
  env,
  Tensor,
} from './node_modules/@huggingface/transformers/dist/transformers.web.min.js';

const runtime = new URL(
  './node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist/',
  import.meta.url,
).href;
const NUM_LAYERS = 30;
const CACHE_SHAPE = [1, 3, 0, 64];
let model;

window.engine = {
  async open({ threads }) {
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: '/' });
    Object.assign(env, { useBrowserCache: false, useWasmCache: false });
    // Of the builds that it takes from a content delivery network the one for old Safari: that for Chromium has no
    // GatherBlockQuantized for the processor, which embeddings in int4 need.
    const name = `${runtime}ort-wasm-simd-threaded`;
    Object.assign(env.backends.onnx.wasm, { wasmPaths: { mjs: `${name}.mjs`, wasm: `${name}.wasm` } });
    env.backends.onnx.wasm.numThreads = threads;
    model = await AutoModelForCausalLM.from_pretrained('model', {
      device: 'wasm',
      dtype: 'fp32', // how the file is called; its matrices are int4
      subfolder: '',
      model_file_name: 'model',
      session_options: { externalData: [{ path: 'model.onnx.data', data: 'model.onnx.data' }] },
    });
    return { version: `transformers.js ${env.version} (onnxruntime-web ${env.backends.onnx.versions.web})` };
  },

  async prefill({ ids }) {
    const start = performance.now();
    await generate(ids, 1);
    return { ms: performance.now() - start };
  },

  async decode({ ids, count }) {
    const { times, generated } = await generate(ids, count + 1);
    return { ms: times[count] - times[0], ids: generated.slice(0, count) };
  },
};

/** Greedy ids after `ids`, and when each came. */
async function generate(ids, max_new_tokens) {
  const times = [];
  const generated = [];
  let isPrompt = true;
  const streamer = {
    put([row]) {
      if (isPrompt) {
        isPrompt = false; // the streamer is given the prompt first
        return;
      }
      times.push(performance.now());
      generated.push(Number(row.at(-1)));
    },
    end() {},
  };
  const int64 = (values) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  await model.generate({
    input_ids: int64(ids),
    attention_mask: int64(new Array(ids.length).fill(1)),
    past_key_values: emptyCache(),
    max_new_tokens,
    min_new_tokens: max_new_tokens,
    do_sample: false,
    streamer,
  });
  return { times, generated };
}

/** Its own guess of the shape takes names of sizes that make-onnx.py's model does not use. */
function emptyCache() {
  const names = Array.from({ length: NUM_LAYERS }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
  const empty = () => new Tensor('float32', new Float32Array(0), CACHE_SHAPE);
  return new DynamicCache(Object.fromEntries(names.map((name) => [`past_key_values.${name}`, empty()])));
}
