// How fast this machine is on the loaded model: prompt, answer, and the share of each kind of module.

import { capabilities, type SmolLM2 } from 'smollm2';
import { idsOf } from './pictures.ts';
import type { SpeedPicture, Subject } from './protocol.ts';

const STEPS = 12;
const ROWS = 48;

export async function speed(smol: SmolLM2, subject: Subject): Promise<SpeedPicture> {
  const { model } = smol;
  const ids = await idsOf(smol, subject);
  const many = Array.from({ length: ROWS }, (_, n) => ids[n % ids.length]);
  const cache = model.newCache(ROWS + STEPS);
  try {
    const begin = performance.now();
    await model.forward(many, cache);
    const prefill = (1000 * ROWS) / (performance.now() - begin);
    const times: number[] = [];
    for (let n = 0; n < STEPS; n++) {
      const before = performance.now();
      await model.forward([ids[0]], cache);
      times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    const { threads } = await capabilities();
    return {
      prefill,
      decode: 1000 / Math.max(times[STEPS >> 1], 1e-3),
      threads: model.numThreads,
      why: threads.detail,
      engine: model.arithmetic,
      isNoisy: times[STEPS - 2] > 2 * times[1],
      modules: await modules(smol, many),
    };
  } finally {
    model.freeCache(cache);
  }
}

/** Time from one trace point to the next, summed over the layers; reading points costs time itself. */
async function modules({ model }: SmolLM2, ids: readonly number[]): Promise<SpeedPicture['modules']> {
  const spent = new Map<string, number>();
  const cache = model.newCache(ids.length);
  let before = performance.now();
  await model
    .forward(ids, cache, {
      trace: (name) => {
        const part = name.replace(/^model\.(layers\.\d+\.?)?/, '') || 'add';
        const now = performance.now();
        spent.set(part, (spent.get(part) ?? 0) + now - before);
        before = performance.now();
      },
    })
    .finally(() => model.freeCache(cache));
  return [...spent].map(([part, ms]) => ({ part, ms })).sort((a, b) => b.ms - a.ms);
}
