// The real file: 272 tensors, its sizes, its permuted rows, and what another reader sees in it.

import { gguf as oracle } from '@huggingface/gguf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SMOLLM2_CONFIGS } from '../../src/config.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { GGUF_DTYPES, type GgufHeader, readGgufHeader } from '../../src/format/gguf-header.ts';
import { hfRow, hfTensorName, isPermuted, reorderRows } from '../../src/format/gguf-names.ts';
import type { Source } from '../../src/format/source.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { countingSource } from '../support/tiny-gguf.ts';
import { realWeights } from '../support/weights.ts';

let source: Source;
let header: GgufHeader;
let checkpoint: Checkpoint;
beforeAll(async () => {
  source = await fileSource(realWeights());
  header = await readGgufHeader(source);
  checkpoint = await readGguf(source);
});
afterAll(() => checkpoint?.close());

describe('SmolLM2-135M-Instruct.Q4_1.gguf', () => {
  it('has 33 keys, 272 tensors from byte 1,785,664 on, 96,576,768 bytes and 134,515,008 values', () => {
    expect([header.version, header.metadata.size, header.tensors.length]).toEqual([3, 33, 272]);
    expect(header.tensorsOffset).toBe(1_785_664);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(header.tensors.map(({ byteLength }) => byteLength))).toBe(96_576_768);
    const counts = header.tensors.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
    expect(sum(counts)).toBe(134_515_008);
    const of = (type: string) => header.tensors.filter(({ dtype }) => dtype === type).length;
    expect([of('Q4_1'), of('F32'), of('Q8_0')]).toEqual([210, 61, 1]);
    expect(source.size).toBe(98_362_432);
  });

  it('has the config of the published 135M, its eps rounded to float32', () => {
    const expected = { ...SMOLLM2_CONFIGS['135m'], rmsNormEps: Math.fround(1e-5) };
    expect(checkpoint.config).toMatchObject(expected);
    expect(checkpoint.tensors.size).toBe(272);
  });

  it('has a tokenizer of 49,152 tokens and 48,900 merges, and a chat template', () => {
    const { tokenizer } = checkpoint;
    if (tokenizer?.kind !== 'gguf') throw new Error('expected a GGUF tokenizer');
    expect([tokenizer.tokens.count, tokenizer.merges.count, tokenizer.pre]).toEqual([
      49_152,
      48_900,
      'smollm',
    ]);
    expect([0, 1, 2].map((id) => tokenizer.tokens.get(id))).toEqual([
      '<|endoftext|>',
      '<|im_start|>',
      '<|im_end|>',
    ]);
    expect(tokenizer.merges.get(0)).toBe('Ġ t');
    expect(tokenizer.tokenTypes.filter((type) => type === 3)).toHaveLength(17);
    expect(checkpoint.chatTemplate).toContain('<|im_start|>');
  });

  it('gives back the stored bytes of all 60 query and key tensors when permuted again', async () => {
    let numPermuted = 0;
    for (const line of header.tensors) {
      const name = hfTensorName(line.name)!;
      if (!isPermuted(name)) continue;
      numPermuted++;
      const tensor = checkpoint.tensors.get(name)!;
      const stored = await source.read(line.offset, line.byteLength);
      const ordered = await tensor.readRows(0, line.shape[0]);
      expect(Buffer.compare(ordered, stored)).not.toBe(0);
      const again = await reorderRows(tensor, 64, hfRow).readRows(0, line.shape[0]);
      expect(Buffer.compare(again, stored)).toBe(0);
    }
    expect(numPermuted).toBe(60);
  });

  it('reads two rows of a head by reading that head only: 64 rows of 360 bytes', async () => {
    const bytes = await source.read(0, source.size);
    const counting = countingSource(bytes, 'real');
    const counted = await readGguf(counting.source);
    const before = counting.count.bytes;
    await counted.tensors.get('model.layers.3.self_attn.q_proj.weight')!.readRows(70, 72);
    expect(counting.count.bytes - before).toBe(64 * 360);
  });

  it('looks to @huggingface/gguf as it looks to us', async () => {
    const theirs = await oracle(realWeights(), { allowLocalFile: true });
    expect(Number(theirs.tensorDataOffset)).toBe(header.tensorsOffset);
    const ours = header.tensors.map(({ name, shape, dtype, offset }) => [
      name,
      [...shape].reverse(),
      GGUF_DTYPES[dtype],
      offset - header.tensorsOffset,
    ]);
    const other = theirs.tensorInfos.map(({ name, shape, dtype, offset }) => [
      name,
      shape.map(Number),
      dtype as number,
      Number(offset),
    ]);
    expect(ours).toEqual(other);
    const metadata = theirs.metadata as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(checkpoint.metadata))
      expect([key, value]).toEqual([key, metadata[key]]);
    const { tokenizer } = checkpoint;
    if (tokenizer?.kind !== 'gguf') throw new Error('expected a GGUF tokenizer');
    const strings = (table: { count: number; get(i: number): string }) =>
      Array.from({ length: table.count }, (_, i) => table.get(i));
    expect(strings(tokenizer.tokens)).toEqual(metadata['tokenizer.ggml.tokens']);
    expect(strings(tokenizer.merges)).toEqual(metadata['tokenizer.ggml.merges']);
    expect([...tokenizer.tokenTypes]).toEqual(metadata['tokenizer.ggml.token_type']);
  });
});
