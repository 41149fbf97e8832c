import { describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { checkpointWeights } from '../../src/diff/weight-source.ts';
import { align } from '../../src/traces/align.ts';
import { sequenceOf } from '../../src/traces/batch.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import { canonicalName } from '../../src/traces/names.ts';
import type { RawTensor, RawTrace } from '../../src/traces/raw-trace.ts';
import { faultyModel } from '../support/faulty-engine.ts';
import { goldenJson } from '../support/goldens.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const checkpoint = await tinyCheckpoint('gqa'); // 4 heads, 2 kv heads of 8 channels
const weights = checkpointWeights(checkpoint);
const { config } = checkpoint;
const { sequences } = goldenJson('tiny/gqa/goldens.json');
const clean = await traceModel(await faultyModel(checkpoint, { format: 'f32' }), sequences[3], 'clean');
const reference = await traceModel(await faultyModel(checkpoint, {}), sequences[3], 'reference');

/** The trace with every tensor renamed and reshaped by `change`; undefined leaves a tensor out. */
function rewritten(change: (name: string, tensor: RawTensor) => [string, RawTensor] | undefined): RawTrace {
  const tensors = new Map<string, RawTensor>();
  for (const [name, tensor] of clean.tensors) {
    const entry = change(name, tensor);
    if (entry) tensors.set(...entry);
  }
  return { name: 'rewritten', tensors, metadata: {} };
}

/** [1, rows, columns] as [columns, rows]. */
function transposed({ shape, values }: RawTensor): RawTensor {
  const [rows, columns] = [shape[1], values.length / shape[1]];
  return {
    shape: [columns, rows],
    values: values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]),
  };
}

/** [1, heads, rows, channels] as [rows, heads, channels]. */
function rowsFirst({ shape, values }: RawTensor): RawTensor {
  const [, numHeads, numRows, size] = shape;
  const out = new Float64Array(values.length);
  for (let head = 0; head < numHeads * numRows; head++) {
    const [h, t] = [Math.floor(head / numRows), head % numRows];
    out.set(values.subarray(head * size, (head + 1) * size), (t * numHeads + h) * size);
  }
  return { shape: [numRows, numHeads, size], values: out };
}

/** Halves to neighbours in every head: the order of a Llama-type GGUF file. */
function interleaved({ shape, values }: RawTensor): RawTensor {
  const from = (at: number) => at - (at % 8) + Math.floor((at % 8) / 2) + (at % 2) * 4;
  return { shape, values: values.map((_, at) => values[from(at)]) };
}

const LLAMA: Record<string, string> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'Qcur',
  'self_attn.k_proj': 'Kcur',
  'self_attn.v_proj': 'Vcur',
  'self_attn.attn_probs': 'kq_soft_max',
  'self_attn.attn_out': 'kqv_out',
  'self_attn.o_proj': 'attn_out',
  residual_after_attention: 'ffn_inp',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.act': 'ffn_swiglu',
  'mlp.down_proj': 'ffn_out',
  '': 'l_out',
};

describe('names', () => {
  it.each([
    ['model.layers.3.self_attn.q_proj', 'model.layers.3.self_attn.q_proj'],
    ['module.model.layers.3.mlp.down_proj.output', 'model.layers.3.mlp.down_proj'],
    ['base_model.model.model.layers.0', 'model.layers.0'],
    ['model.layers.2.self_attn', 'model.layers.2.self_attn.o_proj'],
    ['model.layers.2.mlp', 'model.layers.2.mlp.down_proj'],
    ['logits', 'lm_head'],
    ['Qcur-7', 'model.layers.7.self_attn.q_proj'],
    ['Qcur-7 (ROPE)', 'model.layers.7.self_attn.q_rope'],
    ['kqv_out-0', 'model.layers.0.self_attn.attn_out'],
    ['l_out-29', 'model.layers.29'],
    ['result_norm', 'model.norm'],
    ['blocks.4.attn.hook_rot_k', 'model.layers.4.self_attn.k_rope'],
    ['blocks.4.hook_resid_mid', 'model.layers.4.residual_after_attention'],
    ['blocks.0.hook_resid_pre', 'model.embed_tokens'],
  ])('%s is %s', (raw, name) => {
    expect(canonicalName(raw)?.name).toBe(name);
  });

  it.each(['norm-0', 'Qcur-0 (RESHAPE)', 'blocks.0.ln1.hook_normalized', 'encoder.layers.0', 'x'])(
    '%s shows no point',
    (raw) => expect(canonicalName(raw)).toBeUndefined(),
  );
});

describe('shapes', () => {
  const cases: [string, RawTrace][] = [
    ['without a batch dimension', rewritten((name, t) => [name, { ...t, shape: t.shape.slice(1) }])],
    [
      'with rows before heads, as TransformerLens and llama.cpp have them',
      rewritten((name, t) => [name, /rope/.test(name) ? rowsFirst(t) : t]),
    ],
    ['with matrices transposed', rewritten((name, t) => [name, t.shape.length === 3 ? transposed(t) : t])],
    [
      'with key and value heads repeated for every query head',
      rewritten((name, t) => {
        if (!/k_rope|v_proj/.test(name)) return [name, t];
        const single = /rope/.test(name) ? rowsFirst(t).values : t.values;
        const values = new Float64Array(single.length * 2);
        for (let head = 0; head < single.length / 8; head++) {
          for (const copy of [0, 1])
            values.set(single.subarray(head * 8, head * 8 + 8), (head * 2 + copy) * 8);
        }
        return [name, { shape: [sequences[3].length, 4, 8], values }];
      }),
    ],
    [
      'with the positions of attention padded to 32, as llama.cpp keeps its cache',
      rewritten((name, t) => {
        if (!/attn_probs/.test(name)) return [name, t];
        const [, numHeads, numRows] = t.shape;
        const values = new Float64Array(numHeads * numRows * 32);
        for (let row = 0; row < numHeads * numRows; row++) {
          values.set(t.values.subarray(row * numRows, (row + 1) * numRows), row * 32);
        }
        return [name, { shape: [numHeads, numRows, 32], values }];
      }),
    ],
    [
      'under the names of llama.cpp, heads interleaved, the last layer with its last row only',
      rewritten((name, t) => {
        if (name === 'input_ids') return [name, t];
        if (name === 'model.embed_tokens') return ['inp_embd', t];
        if (name === 'model.norm') return ['result_norm', t];
        if (name === 'lm_head') return ['result_output', t];
        const [, layer, part = ''] = /^model\.layers\.(\d+)\.?(.*)$/.exec(name)!;
        const tensor = /\.[qk]_(proj|rope)$/.test(name) ? interleaved(t) : t;
        if (/rope/.test(part)) return [`${part.includes('q_') ? 'Qcur' : 'Kcur'}-${layer} (ROPE)`, tensor];
        const isCut = layer === '1' && /mlp|post|^$/.test(part);
        const size = t.values.length / t.shape[1];
        const last = { shape: [1, size], values: t.values.slice(-size) };
        return [`${LLAMA[part]}-${layer}`, isCut ? last : tensor];
      }),
    ],
  ];

  it.each(cases)('a clean trace %s is explained, point by point', { tags: ['slow'] }, async (_, trace) => {
    for (const options of [{ weights }, {}]) {
      const report = await diff(reference, trace, options);
      expect([report.first, report.cause]).toEqual([null, null]);
      expect(report.points.length).toBe(clean.tensors.size - 1);
    }
  });

  it('says that interleaved heads were put in halves', async () => {
    const trace = rewritten((name, t) => [name, /\.[qk]_(proj|rope)$/.test(name) ? interleaved(t) : t]);
    const report = await diff(reference, trace, { weights });
    expect(report.first).toBeNull();
    expect(report.notes.join()).toContain('interleaved');
  });

  it('does not take rows left interleaved by a reader for an order: the rotation after it is wrong', {
    tags: ['slow'],
  }, async () => {
    const { sequences: all } = goldenJson('tiny/gqa/goldens.json');
    const model = await faultyModel(checkpoint, {
      weights: (w) => ({
        ...w,
        layers: w.layers.map((layer) => {
          const permute = (matrix: typeof layer.oProj) => {
            const { bytes, inSize } = matrix as unknown as { bytes: Uint8Array; inSize: number };
            const rowBytes = inSize * 4;
            const out = new Uint8Array(bytes.length);
            for (let row = 0; row < matrix.outSize; row++) {
              const from = row - (row % 8) + Math.floor((row % 8) / 2) + (row % 2) * 4;
              out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
            }
            return { ...matrix, bytes: out };
          };
          return {
            ...layer,
            qkv: { ...layer.qkv, qProj: permute(layer.qkv.qProj), kProj: permute(layer.qkv.kProj) },
          };
        }),
      }),
    });
    const report = await diff(reference, await traceModel(model, all[3]), { weights });
    expect([report.first, report.cause]).toEqual(['model.layers.0.self_attn.q_proj', 'qk-permuted']);
  });

  it('uses the order nearest to the reference when there are as many rows as heads', async () => {
    const ids = sequences[3].slice(0, 4);
    const four = await traceModel(await faultyModel(checkpoint, {}), ids, 'four');
    const aligned = align(four, config);
    const name = 'model.layers.0.self_attn.q_rope';
    const rowsFirst = aligned.points.get(name)!.values;
    expect(rowsFirst).not.toEqual(four.tensors.get(name)!.values);
    const tensors = new Map(four.tensors).set(name, { shape: [4, 4, 8], values: rowsFirst });
    expect(align({ ...four, tensors }, config, aligned).points.get(name)?.values).toEqual(rowsFirst);
  });

  it('refuses a trace of no known names and one without a number of tokens', () => {
    const values = new Float64Array(8);
    const unknown = {
      name: 'x',
      metadata: { ids: '[1]' },
      tensors: new Map([['foo', { shape: [8], values }]]),
    };
    expect(() => align(unknown, config)).toThrow(/x: expected names of HuggingFace modules.*got foo/);
    expect(() => align({ ...unknown, metadata: {} }, config)).toThrow(/x: expected a tensor input_ids/);
  });
});

describe('names of other frameworks', () => {
  it.each([
    ['/model/layers.3/self_attn/q_proj/MatMul_output_0', 'model.layers.3.self_attn.q_proj'],
    ['/model/layers.3/attn/o_proj/MatMul/output_0', 'model.layers.3.self_attn.o_proj'],
    ['/model/layers.3/input_layernorm/Mul_1_output_0', 'model.layers.3.input_layernorm'],
    ['/lm_head/MatMul_output_0', 'lm_head'],
    ['params/model/layers_2/mlp/gate_proj/__call__/0', 'model.layers.2.mlp.gate_proj'],
    ['blk.7.ffn_down', 'model.layers.7.mlp.down_proj'],
    ['output_norm', 'model.norm'],
    ['model.layers.1', 'model.layers.1'],
  ])('%s is %s', (raw, name) => expect(canonicalName(raw)?.name).toBe(name));

  it.each([
    '/model/layers.3/input_layernorm/Pow_output_0',
    'blk.7.ffn_gate.weight',
    'model.layers.1.layer',
    'model.layers.1.norm',
  ])('%s shows no point', (raw) => expect(canonicalName(raw)).toBeUndefined());
});

describe('a batch', () => {
  const one = (ids: number[], batch: number, at: (b: number, t: number) => number): RawTrace => ({
    name: 'batch',
    metadata: {},
    tensors: new Map([
      ['input_ids', { shape: [batch, ids.length / batch], values: Float64Array.from(ids) }],
      [
        'lm_head',
        {
          shape: [batch, ids.length / batch, 2],
          values: Float64Array.from({ length: 2 * ids.length }, (_, i) => {
            const row = Math.floor(i / 2);
            return at(Math.floor(row / (ids.length / batch)), row % (ids.length / batch));
          }),
        },
      ],
    ]),
  });
  const reference = one([5, 6, 7], 1, () => 0);

  it("gives the sequence with the reference's ids, without its padding", () => {
    const { trace, note } = sequenceOf(
      one([1, 2, 3, 4, 0, 5, 6, 7], 2, (b, t) => 10 * b + t),
      reference,
    );
    expect([...trace.tensors.get('input_ids')!.values]).toEqual([5, 6, 7]);
    expect([...trace.tensors.get('lm_head')!.values]).toEqual([11, 11, 12, 12, 13, 13]);
    expect(note).toBe('sequence 1 of a batch of 2 was taken, 1 tokens of padding cut off');
  });

  it("is refused where no sequence is the reference's, with that reason", () => {
    expect(() =>
      sequenceOf(
        one([1, 2, 3, 4, 5, 6], 2, () => 0),
        reference,
      ),
    ).toThrow(/one of its 2 sequences, got others/);
  });
});
