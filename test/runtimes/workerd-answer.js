// The worker of the equal-answer test: GET /answer computes what every runtime computes.

import { capabilities, load } from 'smollm2';
import { answer } from './answer.js';

const MODEL = 'https://assets.local/model/SmolLM2-135M-Instruct.Q4_1.gguf.json';

export default {
  async fetch(request, env) {
    const options = Object.fromEntries(new URL(request.url).searchParams);
    const fetchAsset = (input, init) => env.ASSETS.fetch(input, init);
    try {
      const startedAt = Date.now();
      const smol = await load(new URL(MODEL), { fetch: fetchAsset, maxSeqLen: 1024, ...options });
      const loadMs = Date.now() - startedAt;
      const { runtime, ...found } = await capabilities();
      return Response.json({ ...(await answer(smol)), runtime, loadMs, found });
    } catch (error) {
      return Response.json({ error: error.stack }, { status: 500 });
    }
  },
};
