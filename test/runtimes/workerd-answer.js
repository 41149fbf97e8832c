// The worker of the equal-answer test: GET /answer computes what every runtime computes. Query parameters are load
// options; `fill` runs a prompt over the whole context first.

import { capabilities, load } from 'smollm2';
import { answer } from './answer.js';

const MODEL = 'https://assets.local/model/SmolLM2-135M-Instruct.Q4_1.gguf.json';

export default {
  async fetch(request, env) {
    const query = new URL(request.url).searchParams;
    const maxMemory = query.has('maxMemory') ? Number(query.get('maxMemory')) : undefined;
    const cacheType = query.get('cacheType') ?? undefined;
    const fetchAsset = (input, init) => env.ASSETS.fetch(input, init);
    try {
      const startedAt = Date.now();
      const smol = await load(new URL(MODEL), { fetch: fetchAsset, maxSeqLen: 1024, cacheType, maxMemory });
      const loadMs = Date.now() - startedAt;
      if (query.has('fill')) await fill(smol);
      const result = await answer(smol, !query.has('fill')); // which is about memory
      const { runtime } = await capabilities();
      const linearBytes = smol.model.engine.linearMemory.buffer.byteLength;
      globalThis.gc?.(); // what is left is in use; the runtime collects the rest when it has to
      return Response.json({ ...result, runtime, loadMs, linearBytes });
    } catch (error) {
      return Response.json({ error: `${error.name}: ${error.message}` }, { status: 500 });
    }
  },
};

/** A pass over every position of a cache, which is kept: the most that one conversation can take. */
async function fill({ model, tokenizer }) {
  const [id] = tokenizer.encode(' gravity');
  const cache = model.newCache(1024);
  await model.forward(new Array(1024).fill(id), cache);
  model.freeCache(cache);
}
