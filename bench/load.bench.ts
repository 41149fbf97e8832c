// From a file on disk (in the system's cache) to a model that answers, and what it takes of memory.

import { readGguf } from '../src/format/gguf.ts';
import { fileSource } from '../src/node/file-source.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { loadModel } from '../src/run/load.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import type { BenchContext } from './context.ts';
import { timingOf } from './measure.ts';

const RUNS = 5;

export async function load({ add, weights, threads }: BenchContext): Promise<void> {
  const times = { header: [] as number[], tokenizer: [] as number[], weights: [] as number[] };
  let bytes = 0;
  for (let run = 0; run < RUNS; run++) {
    const source = await fileSource(weights.path);
    bytes = source.size;
    times.header.push(await timed(() => readGguf(source)));
    const checkpoint = await readGguf(source);
    times.tokenizer.push(await timed(async () => Tokenizer.from(checkpoint.tokenizer!)));
    let model: Awaited<ReturnType<typeof loadModel>> | undefined;
    times.weights.push(
      await timed(async () => {
        model = await loadModel(checkpoint, { threads: threads.at(-1) }, nodePlatform);
      }),
    );
    await model?.close();
    await checkpoint.close();
  }
  const shape = `${(bytes / 1e6).toFixed(1)} MB`;
  add({ name: 'header and metadata', shape, ...timingOf(times.header) });
  add({ name: 'tokenizer tables', shape, ...timingOf(times.tokenizer) });
  const packing = timingOf(times.weights);
  add({ name: 'weights and workers', shape, ...packing, rate: bytes / packing.medianMs / 1e6, unit: 'GB/s' });
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
