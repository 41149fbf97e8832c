import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/base/errors.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { readNanotron } from '../../src/format/nanotron.ts';
import { parseSlices, parseUnshardedShape } from '../../src/format/nanotron-layout.ts';
import { type NanotronOptions, nanotronFiles } from '../../src/format/nanotron-write.ts';
import { SafetensorsFile, writeSafetensors } from '../../src/format/safetensors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { openNode } from '../../src/node/open.ts';
import { goldenPath } from '../support/goldens.ts';

type Files = Map<string, Uint8Array>;

async function written(model: string, options: NanotronOptions): Promise<Files> {
  const files: Files = new Map();
  const checkpoint = await openNode(goldenPath(`tiny/${model}`));
  try {
    for await (const { path, bytes } of nanotronFiles(checkpoint, options)) files.set(path, bytes);
  } finally {
    await checkpoint.close();
  }
  return files;
}

function read(files: Files): Promise<Checkpoint> {
  const open = async (name: string) => {
    const bytes = files.get(name);
    if (!bytes) throw new UnavailableError(`${name}: none`);
    return bytesSource(name, bytes);
  };
  return readNanotron([...files.keys()], open, 'nanotron');
}

async function valuesOf(checkpoint: Checkpoint): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const [name, tensor] of checkpoint.tensors) {
    const bytes = await tensor.readRows(0, tensor.shape.length === 1 ? 1 : tensor.shape[0]);
    values.set(name, Buffer.from(bytes).toString('hex'));
  }
  return values;
}

const QKV = 'model/model/decoder/0/pp_block/attn/qkv_proj/model_weight_pp-rank-0-of-1';

describe("nanotron's layout", () => {
  it.each([
    ['gqa', { tp: 1 }],
    ['gqa', { tp: 2, isInterleaved: true }],
    ['mha', { tp: 4 }],
    ['untied', { tp: 2 }],
    ['qwen2', { tp: 1, isInterleaved: true }],
  ])('%s with %j comes back value for value', async (model, options) => {
    const hf = await openNode(goldenPath(`tiny/${model}`));
    const back = await read(await written(model, options));
    expect(await valuesOf(back)).toEqual(await valuesOf(hf));
    expect(back.config).toMatchObject({
      numHeads: hf.config.numHeads,
      tiedEmbeddings: hf.config.tiedEmbeddings,
    });
    await hf.close();
  });

  it('interleaved, row 2j of a head is row j of the first half', async () => {
    const of = async (isInterleaved: boolean) => {
      const files = await written('gqa', { isInterleaved });
      const path = `${QKV}_tp-rank-0-of-1.safetensors`;
      const file = await SafetensorsFile.open(bytesSource(path, files.get(path)!));
      const values = await file.readTensorAsF64('data');
      return (row: number) => [...values.subarray(32 * row, 32 * row + 32)];
    };
    const [halves, pairs] = [await of(false), await of(true)];
    // Heads of 8 rows: 32 query rows, 16 key rows, 16 value rows.
    for (const head of [0, 8, 40]) {
      expect(pairs(head + 2)).toEqual(halves(head + 1));
      expect(pairs(head + 3)).toEqual(halves(head + 5));
    }
    expect(pairs(50)).toEqual(halves(50));
  });

  it('a number of ranks that does not divide the heads is refused', async () => {
    await expect(written('gqa', { tp: 4 })).rejects.toThrow(
      'tp: expected a divisor of the 2 key and value heads, got 4',
    );
  });
});

describe('a folder that does not hold together is refused', () => {
  const first = `${QKV}_tp-rank-0-of-2.safetensors`;
  const second = `${QKV}_tp-rank-1-of-2.safetensors`;

  it.each([
    [
      'a rank is missing',
      (files: Files) => files.delete(second),
      'files of all ranks that hold every value once',
    ],
    ['a rank is there twice', (files: Files) => files.set(second, files.get(first)!), 'every value once'],
    [
      'a parameter is missing',
      (files: Files) => files.delete('model/model/final_layer_norm/pp_block/model_weight.safetensors'),
      'model/final_layer_norm/pp_block.weight: expected a file of this parameter, got none',
    ],
    [
      'slices lead out of the file',
      (files: Files) =>
        files.set(
          first,
          writeSafetensors([{ name: 'data', shape: [32, 32], values: new Float32Array(1024) }], {
            unsharded_shape: '(np.int64(64), np.int64(32))',
            local_global_slices_pairs: '0,40,None|None,None,None#0,40,None|None,None,None',
          }),
        ),
      'expected slices of one size within their shapes',
    ],
    [
      'another shape',
      (files: Files) =>
        files.set(
          first,
          writeSafetensors([{ name: 'data', shape: [32, 32], values: new Float32Array(1024) }], {
            unsharded_shape: '(64, 33)',
            local_global_slices_pairs: '0,32,None|None,None,None#0,32,None|None,None,None',
          }),
        ),
      'expected shape [64, 32], got [64, 33]',
    ],
    ['no config', (files: Files) => files.delete('model_config.json'), 'model_config.json: none'],
  ])('%s', async (_, damage, message) => {
    const files = await written('gqa', { tp: 2 });
    damage(files);
    await expect(read(files)).rejects.toThrow(message);
  });

  it.each(['0,1', '0,1,2|None,None,None#0', 'x#y', '0,16,None#0,16,None#0,16,None'])('slices %s', (text) => {
    expect(() => parseSlices(text, 'f')).toThrow('f, local_global_slices_pairs: expected start,stop,None');
  });

  it('shapes of numpy 2 and of numpy 1 are read', () => {
    expect(parseUnshardedShape('(np.int64(64), np.int64(32))', 'f')).toEqual([64, 32]);
    expect(parseUnshardedShape('(64,)', 'f')).toEqual([64]);
    expect(() => parseUnshardedShape('[64]', 'f')).toThrow('expected a shape such as (64, 32)');
  });
});
