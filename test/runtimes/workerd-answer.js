// The worker of the equal-answer test: GET /answer computes what every runtime computes. Query parameters are load
// options. GET /talk holds a conversation that takes every position of its cache, and keeps the model as a deployed
// worker does, so that its memory can be looked at afterwards.

import { capabilities, load } from 'smollm2';
import { answer } from './answer.js';

const MODEL = 'https://assets.local/model/SmolLM2-135M-Instruct.Q4_1.gguf.json';
const NUM_POSITIONS = 1024;
const NUM_TOKENS = 64;

export default {
  async fetch(request, env) {
    const { pathname, searchParams: query } = new URL(request.url);
    const maxMemory = query.has('maxMemory') ? Number(query.get('maxMemory')) : undefined;
    const cacheType = query.get('cacheType') ?? undefined;
    const fetchAsset = (input, init) => env.ASSETS.fetch(input, init);
    try {
      const startedAt = Date.now();
      const options = { fetch: fetchAsset, maxSeqLen: NUM_POSITIONS, cacheType, maxMemory };
      const smol = await load(new URL(MODEL), options);
      const loadMs = Date.now() - startedAt;
      if (pathname === '/talk') globalThis.model = smol;
      const result = pathname === '/talk' ? await talk(smol) : await answer(smol);
      const { runtime } = await capabilities();
      const linearBytes = smol.model.engine.linearMemory.buffer.byteLength;
      return Response.json({ ...result, runtime, loadMs, linearBytes });
    } catch (error) {
      return Response.json({ error: `${error.name}: ${error.message}` }, { status: 500 });
    }
  },
};

/** An answer of some tokens after a prompt so long that the answer ends at the last position. */
async function talk(smol) {
  const question = (words) => [{ role: 'user', content: `What is gravity? ${' gravity'.repeat(words)}` }];
  const lengthOf = async (words) => {
    const prompt = await smol.template.render(question(words), { addGenerationPrompt: true });
    return smol.tokenizer.encode(prompt, { addBos: false }).length;
  };
  const words = NUM_POSITIONS - NUM_TOKENS - (await lengthOf(0));
  let text = '';
  let numTokens = 0;
  const options = { maxTokens: NUM_TOKENS, ignoreEos: true, contextOverflow: 'stop' };
  for await (const piece of smol.chat(question(words), options)) {
    text += piece.text;
    numTokens++;
  }
  return { text, numTokens, promptTokens: await lengthOf(words) };
}
