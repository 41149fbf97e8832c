// What every runtime is asked to do: one question, its logits hashed, ten greedy tokens. No imports, so that it runs
// anywhere; `smol` is what load() gave.

const QUESTION = 'What is gravity?';
const NUM_TOKENS = 10;
/** A published prompt: `eight-tokens` of vectors/135m-instruct-q4_1.json. */
const VECTOR_IDS = [6403, 1980, 253, 655, 665, 436, 253];

/** Ids, their text, and one sha256 over the logits that each id was taken from; and what must be equal everywhere. */
export async function answer(smol, isProven = true) {
  const prompt = await smol.template.render([{ role: 'user', content: QUESTION }], {
    addGenerationPrompt: true,
  });
  const promptIds = smol.tokenizer.encode(prompt);
  const cache = smol.model.newCache(promptIds.length + NUM_TOKENS);
  const rows = [];
  const ids = [];
  const startedAt = Date.now();
  let firstTokenMs;
  for (let next = promptIds; ids.length < NUM_TOKENS; next = [ids.at(-1)]) {
    const logits = await smol.model.forward(next, cache);
    firstTokenMs ??= Date.now() - startedAt;
    rows.push(logits);
    ids.push(likeliest(logits));
  }
  smol.model.freeCache(cache);
  return {
    ids,
    text: smol.tokenizer.decode(ids),
    sha256: await sha256(rows),
    ...(isProven && (await proof(smol))),
    threads: smol.model.numThreads ?? 1,
    firstTokenMs,
    totalMs: Date.now() - startedAt,
  };
}

/** sha256 of the published prompt's logits, and the fingerprint. */
async function proof(smol) {
  const cache = smol.model.newCache(VECTOR_IDS.length);
  const logits = await smol.model.forward(VECTOR_IDS, cache, { logits: 'all' });
  smol.model.freeCache(cache);
  return { vector: await sha256([logits]), fingerprint: await smol.systemFingerprint() };
}

function likeliest(logits) {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

async function sha256(rows) {
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + row.byteLength, 0));
  let at = 0;
  for (const row of rows) {
    bytes.set(new Uint8Array(row.buffer, row.byteOffset, row.byteLength), at);
    at += row.byteLength;
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
