import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { Rng } from '../../src/base/rng.ts';
import { certify } from '../../src/generate/certify.ts';
import { generate } from '../../src/generate/generate.ts';
import {
  firstDeviation,
  layerChecksums,
  parseRecord,
  RECORD_FORMAT,
  recordedPoints,
  rowChecksum,
} from '../../src/generate/record.ts';
import { sample } from '../../src/generate/sampler.ts';
import { SAMPLING_VERSION } from '../../src/generate/sampling-version.ts';
import { loadModel } from '../../src/run/load.ts';
import { LOGIT_ERROR_BOUND } from '../../src/wasm/options.ts';
import { faultyModel } from '../support/faulty-engine.ts';
import { goldenJson } from '../support/goldens.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const checkpoint = await tinyCheckpoint('gqa');
const model = await loadModel(checkpoint, { engine: 'reference' });
const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences[3];

describe('certify', () => {
  const token = (margin: number) => ({
    id: 7,
    text: '',
    ms: 0,
    topLogprobs: [
      { id: 7, logprob: -1 },
      { id: 3, logprob: -1 - margin },
    ],
  });

  it('calls a margin over twice the bound certain and one under it a tie', () => {
    const bound = LOGIT_ERROR_BOUND.precise;
    expect(bound).toBe(9e-4);
    expect(certify(token(2.1 * bound), bound)).toMatchObject({
      id: 7,
      runnerUp: 3,
      verdict: 'certain',
    });
    expect(certify(token(1.9 * bound), bound)?.verdict).toBe('tie');
    // A float64 engine is sure of more than a right float32 program can be held to.
    expect(certify(token(1e-4), 4e-9)).toMatchObject({
      verdict: 'certain',
      certainIn: ['float64', 'this engine'],
    });
    expect(certify(token(2.1 * bound), bound)?.certainIn).toEqual(['float64', 'float32', 'this engine']);
    expect(certify({ id: 7, text: '', ms: 0 }, bound)).toBeUndefined();
  });

  it('gives the margins of the golden greedy run of the tiny model', async () => {
    const golden = goldenJson('tiny/gqa/goldens.json').generation;
    const prompt = goldenJson('tiny/gqa/goldens.json').sequences[golden.prompt_sequence];
    const tokenizer = { eosIds: [], decoder: () => ({ push: String, end: () => '' }) };
    const margins: number[] = [];
    const options = { maxTokens: 24, logprobs: 2, temperature: 0 };
    for await (const step of generate(model, tokenizer, prompt, options)) {
      margins.push(certify(step, model.logitErrorBound)?.margin ?? Number.NaN);
    }
    expect(margins).toHaveLength(24);
    for (const [n, margin] of margins.entries()) {
      expect(Math.abs(margin - golden.top1_minus_top2[n])).toBeLessThan(1e-10);
    }
  });
});

describe('layerChecksums', () => {
  it('are equal for equal bits, whatever the company of a row', async () => {
    const whole = await layerChecksums(model, ids);
    const shorter = await layerChecksums(model, ids.slice(0, 9));
    expect(shorter).toEqual(whole.slice(0, 9));
    expect(whole[0]).toHaveLength(recordedPoints(2).length);
  });

  it('find the token and the layer at which another program deviates', async () => {
    const points = recordedPoints(2);
    const recorded = await layerChecksums(model, ids);
    expect(firstDeviation(points, recorded, recorded)).toBeUndefined();
    const other = await faultyModel(checkpoint, { deadHead: 1, deadHeadLayer: 1 });
    expect(
      firstDeviation(
        points,
        await layerChecksums(await faultyModel(checkpoint, {}), ids),
        await layerChecksums(other, ids),
      ),
    ).toEqual({ row: 0, point: 'model.layers.1' });
    const changed = await layerChecksums(model, ids.with(5, 0));
    expect(firstDeviation(points, recorded, changed)).toEqual({ row: 5, point: 'model.embed_tokens' });
  });

  it('are FNV-1a: no bytes give 811c9dc5, one byte each way another', () => {
    expect(rowChecksum(new Float64Array(0))).toBe('811c9dc5');
    expect(rowChecksum(Float32Array.of(1))).not.toBe(rowChecksum(Float32Array.of(-1)));
  });
});

describe('parseRecord', () => {
  const record = {
    format: RECORD_FORMAT,
    fingerprint: 'fp_0',
    model: 'm',
    engine: 'reference',
    options: {},
    seed: '1',
    promptIds: [1],
    ids: [2],
    text: 'x',
    points: ['lm_head'],
    checksums: [['00000000'], ['00000001']],
  };

  it('takes a record', () => {
    expect(parseRecord(JSON.parse(JSON.stringify(record)), 'run.json')).toEqual(record);
  });

  it.each([
    ['no object', 5],
    ['another format', { ...record, format: 'x' }],
    ['a seed that is no number', { ...record, seed: '1e3' }],
    ['ids that are none', { ...record, ids: [-1] }],
    ['a checksum missing', { ...record, checksums: [['00000000']] }],
    ['checksums that are no texts', { ...record, checksums: [[1], [2]] }],
  ])('refuses %s', (_, json) => {
    expect(() => parseRecord(json, 'run.json')).toThrow(FormatError);
  });
});

describe('SAMPLING_VERSION', () => {
  it('pins what the sampling code draws: when this hash changes, SAMPLING_VERSION must as well', () => {
    const hash = createHash('sha256');
    for (let seed = 0; seed < 200; seed++) {
      const rng = Rng.fromSeed(seed);
      const logits = Float64Array.from({ length: 300 }, () => 8 * rng.next() - 4);
      const options = [
        { temperature: 1 },
        { temperature: 0.7, topP: 0.9 },
        { temperature: 1.3, topK: 20, minP: 0.02 },
      ];
      for (const option of options)
        hash.update(`${sample(logits, option, { ids: [1, 2], promptLength: 1 }, rng)},`);
    }
    expect([SAMPLING_VERSION, hash.digest('hex').slice(0, 16)]).toEqual([1, '5822128f2e55e908']);
  });
});
