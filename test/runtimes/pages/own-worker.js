import { answer } from '/runtimes/answer.js';
import { load } from '/smollm2/browser/index.js';

globalThis.onmessage = async ({ data: { source, options } }) => {
  try {
    const startedAt = Date.now();
    const smol = await load(source, options);
    const loadMs = Date.now() - startedAt;
    const result = await answer(smol);
    await smol.close();
    globalThis.postMessage({ ...result, loadMs, isolated: crossOriginIsolated });
  } catch (error) {
    globalThis.postMessage({ error: String(error) });
  }
};
