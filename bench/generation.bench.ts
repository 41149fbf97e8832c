// Prompt and generation speed of the real model where it matters: after 0, 512, 2k and 8k positions, on one thread and
// more, never as one average. Beside it the time to the first token of a prompt of that length.

import { timeDecode, timePrefill } from '../src/cli/speed.ts';
import { readGguf } from '../src/format/gguf.ts';
import { fileSource } from '../src/node/file-source.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { loadModel } from '../src/run/load.ts';
import type { CacheType } from '../src/wasm/options.ts';
import type { BenchContext } from './context.ts';
import { timingOf } from './measure.ts';

const CONTEXTS = [0, 512, 2048, 8000];
const PROMPT_TOKENS = 128;
const GENERATED_TOKENS = 32;
const RUNS = 3;

export async function generation(context: BenchContext): Promise<void> {
  for (const threads of context.threads) await atContexts(context, threads, 'f32');
  await atContexts(context, context.threads[0], 'f16');
}

async function atContexts(
  { add, weights }: BenchContext,
  threads: number,
  cacheType: CacheType,
): Promise<void> {
  const checkpoint = await readGguf(await fileSource(weights.path));
  const model = await loadModel(checkpoint, { threads, cacheType }, nodePlatform);
  await checkpoint.close();
  const cache = model.newCache();
  const { ids } = weights.promptOf(CONTEXTS.at(-1)! + PROMPT_TOKENS);
  const where = `${threads} thread${threads > 1 ? 's' : ''}, ${cacheType} cache`;
  let firstTokenMs = 0;
  try {
    for (const length of CONTEXTS) {
      const start = performance.now();
      if (length > cache.length) await model.forward(ids.slice(cache.length, length), cache);
      firstTokenMs += performance.now() - start;
      if (length > 0) {
        const rate = (length * 1e3) / firstTokenMs;
        const once = timingOf([firstTokenMs]);
        add({ name: 'time to first token', shape: `${length}, ${where}`, ...once, rate, unit: 'tok/s' });
      }
      const prefill: number[] = [];
      const decode: number[] = [];
      let said: number[] = [];
      for (let run = -1; run < RUNS; run++) {
        const prefillMs = await timePrefill(model, cache, ids.slice(length, length + PROMPT_TOKENS));
        const { ms, ids: generated } = await timeDecode(model, cache, ids[length], GENERATED_TOKENS);
        said = generated;
        if (run < 0) continue;
        prefill.push(prefillMs);
        decode.push(ms);
      }
      const shape = `at ${length}, ${where}`;
      const rateOf = (tokens: number, ms: number) => (tokens * 1e3) / ms;
      const p = timingOf(prefill);
      add({
        name: `prefill ${PROMPT_TOKENS}`,
        shape,
        ...p,
        rate: rateOf(PROMPT_TOKENS, p.medianMs),
        unit: 'tok/s',
      });
      const d = timingOf(decode);
      const rate = rateOf(GENERATED_TOKENS, d.medianMs);
      add({
        name: `decode ${GENERATED_TOKENS}`,
        shape,
        ...d,
        rate,
        unit: 'tok/s',
        checksum: said.slice(0, 4).join(),
      });
    }
  } finally {
    await model.close();
  }
}
