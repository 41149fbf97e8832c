// What pages and Node compute alike: ten greedy tokens, and one sha256 over the logits that they were taken from.

const PROMPT = 'ROMEO: What light';
const NUM_TOKENS = 10;

export async function tenTokens({ model, tokenizer }) {
  const prompt = tokenizer.encode(PROMPT);
  const cache = model.newCache(prompt.length + NUM_TOKENS);
  const ids = [];
  const logits = [];
  for (let next = prompt; ids.length < NUM_TOKENS; next = [ids.at(-1)]) {
    const row = await model.forward(next, cache);
    logits.push(row);
    ids.push(row.indexOf(row.reduce((most, value) => Math.max(most, value))));
  }
  model.freeCache(cache);
  const bytes = new Uint8Array(await new Blob(logits).arrayBuffer());
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { ids, sha256, threads: model.numThreads };
}
