// onnxruntime-web on the processor, with the calls that transformers.js makes: one run per prompt or token, the cache
// as inputs and outputs.

import * as ort from './node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';

const NUM_LAYERS = 30;
const CACHE_SHAPE = [1, 3, 0, 64];
let session;
let cache;
let length = 0;

window.engine = {
  async open({ model, threads }) {
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = new URL('./node_modules/onnxruntime-web/dist/', import.meta.url).href;
    session = await ort.InferenceSession.create(`${model}/model.onnx`, {
      executionProviders: ['wasm'],
      externalData: [{ path: 'model.onnx.data', data: `${model}/model.onnx.data` }],
    });
    return { version: `onnxruntime-web ${ort.env.versions.web}` };
  },

  async prefill({ ids }) {
    clear();
    const start = performance.now();
    await run(ids);
    return { ms: performance.now() - start };
  },

  async decode({ ids, count }) {
    clear();
    await run(ids.slice(0, -1));
    const generated = [];
    let id = ids.at(-1);
    const start = performance.now();
    for (let n = 0; n < count; n++) generated.push((id = likeliest(await run([id]))));
    return { ms: performance.now() - start, ids: generated };
  },
};

function clear() {
  length = 0;
  const empty = () => new ort.Tensor('float32', new Float32Array(0), CACHE_SHAPE);
  cache = {};
  for (let layer = 0; layer < NUM_LAYERS; layer++) {
    for (const kind of ['key', 'value']) cache[`past_key_values.${layer}.${kind}`] = empty();
  }
}

/** Logits [rows, vocabSize] of `ids` after what is in the cache. */
async function run(ids) {
  length += ids.length;
  const int64 = (values) => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const inputs = { input_ids: int64(ids), attention_mask: int64(new Array(length).fill(1)), ...cache };
  const outputs = await session.run(inputs);
  for (const name of Object.keys(cache)) cache[name] = outputs[name.replace('past_key_values', 'present')];
  return outputs.logits;
}

/** Id of the largest logit of the last row. */
function likeliest({ data: values, dims }) {
  const vocabSize = dims.at(-1);
  const row = values.subarray(values.length - vocabSize);
  let best = 0;
  for (let id = 1; id < vocabSize; id++) if (row[id] > row[best]) best = id;
  return best;
}
