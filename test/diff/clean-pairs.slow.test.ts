import { describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { checkpointWeights } from '../../src/diff/weight-source.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import type { Model } from '../../src/model/model.ts';
import { loadWeights } from '../../src/model/weights.ts';
import { wasmModule } from '../../src/node/platform.ts';
import { modelHere } from '../../src/run/loaded-model.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import type { RawTrace } from '../../src/traces/raw-trace.ts';
import { faultyModel } from '../support/faulty-engine.ts';
import { goldenJson } from '../support/goldens.ts';
import { TINY_NAMES, tinyCheckpoint } from '../support/tiny-models.ts';
import { wasmEngine } from '../support/wasm.ts';

const CHUNK = 3;

/** Programs that are right, each in an arithmetic of its own. */
const PROGRAMS = {
  f32: (checkpoint) => faultyModel(checkpoint, { format: 'f32' }),
  bf16: (checkpoint) => faultyModel(checkpoint, { format: 'bf16' }),
  f16: (checkpoint) => faultyModel(checkpoint, { format: 'f16' }),
  'f32, sums in lanes': kernelsModel,
  'f32, chunks of 3 rows': (checkpoint) => faultyModel(checkpoint, { format: 'f32' }),
} satisfies Record<string, (checkpoint: Checkpoint) => Promise<Model>>;

async function kernelsModel({ config, tensors }: Checkpoint): Promise<Model> {
  const engine = wasmEngine({ build: 'strict-single', precision: 'precise', headDim: config.headDim });
  return modelHere(engine, config, await loadWeights(engine, config, tensors), 128);
}

/** The trace of a pass that is cut into chunks, which fill one cache. */
async function traceInChunks(model: Model, ids: readonly number[]): Promise<RawTrace> {
  const rows = new Map<string, { shape: number[]; values: number[] }>();
  const cache = model.newCache(ids.length);
  const add = (name: string, shape: readonly number[], values: ArrayLike<number>) => {
    const whole = rows.get(name) ?? { shape: [0, ...shape.slice(1)], values: [] };
    whole.shape[0] += shape[0];
    whole.values.push(...Array.from(values));
    rows.set(name, whole);
  };
  // Attention probabilities have as many columns as a chunk sees positions: they are not dumped.
  for (let at = 0; at < ids.length; at += CHUNK) {
    const chunk = ids.slice(at, at + CHUNK);
    const trace = (name: string, value: unknown, shape: readonly number[]) =>
      name.endsWith('attn_probs') || add(name, shape, model.read(value as never));
    add(
      'lm_head',
      [chunk.length, model.config.vocabSize],
      await model.forward(chunk, cache, { logits: 'all', trace }),
    );
  }
  model.freeCache(cache);
  const tensors = new Map([...rows].map(([name, whole]) => [name, headsFirst(name, whole)] as const));
  tensors.set('input_ids', { shape: [1, ids.length], values: Float64Array.from(ids) });
  return { name: 'candidate', tensors, metadata: {} };
}

/** Rotated heads are dumped [1, heads, rows, headDim], all else row by row. */
function headsFirst(name: string, { shape, values }: { shape: number[]; values: number[] }) {
  if (!/_rope$/.test(name)) return { shape: [1, ...shape], values: Float64Array.from(values) };
  const [numRows, numHeads, headDim] = shape;
  const at = (i: number) => {
    const [head, row] = [Math.floor(i / (numRows * headDim)), Math.floor(i / headDim) % numRows];
    return values[(row * numHeads + head) * headDim + (i % headDim)];
  };
  return { shape: [1, numHeads, numRows, headDim], values: Float64Array.from(values, (_, i) => at(i)) };
}

/** Four sequences of each of six models: 24 pairs a program, 120 in all, with and without the weights. */
const pairs = (Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]).flatMap((program) =>
  TINY_NAMES.flatMap((name) => [2, 3, 4, 5].map((sequence) => ({ program, name, sequence }))),
);

describe('120 clean pairs raise no alarm', () => {
  it.each(pairs)('$program, model $name, sequence $sequence', async ({ program, name, sequence }) => {
    const checkpoint = await tinyCheckpoint(name);
    const ids: number[] = goldenJson(`tiny/${name}/goldens.json`).sequences[sequence];
    const reference = await traceModel(await faultyModel(checkpoint, {}), ids, 'reference');
    const model = await PROGRAMS[program](checkpoint);
    const isCut = program === 'f32, chunks of 3 rows';
    const candidate = await (isCut ? traceInChunks(model, ids) : traceModel(model, ids, 'candidate'));
    const weights = checkpointWeights(checkpoint, await wasmModule('products'));
    for (const options of [{ weights }, {}]) {
      const report = await diff(reference, candidate, options);
      expect([report.first, report.cause, report.format]).toEqual([null, null, program.split(',')[0]]);
      expect(report.points).toHaveLength(candidate.tensors.size - 1);
    }
    const keep = (trace: RawTrace) => ({
      ...trace,
      tensors: new Map([...trace.tensors].filter(([point]) => /^(lm_head|input_ids)$/.test(point))),
    });
    // What 16 bits leave of the logits alone is too coarse to judge by.
    const verdict = program.startsWith('f32') ? /^right$/ : /^(right|cannot-judge)$/;
    expect((await diff(keep(reference), keep(candidate), { weights })).verdict).toMatch(verdict);
  });
});
