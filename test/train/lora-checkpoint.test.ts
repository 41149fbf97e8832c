// A checkpoint of LoRA, opened: the adapter of its step, whatever adapter files the run has left.

import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { withAdapter } from '../../src/format/merge-adapter.ts';
import { openAdapter } from '../../src/node/adapter.ts';
import { openNode } from '../../src/node/open.ts';
import { type OpenCheckpointOptions, openTrained } from '../../src/node/train/open-checkpoint.ts';
import { trainBpe, WordCounts } from '../../src/tokenizer/train.ts';
import { tokenizerJson } from '../../src/tokenizer/write-json.ts';
import { NANO, tuningFolder } from '../support/tuning.ts';

const { at, tune } = tuningFolder();
const NAME = 'model.layers.0.self_attn.q_proj.weight';
const LORA = { use_peft: true, lora_r: 2, lora_alpha: 4, lora_target_modules: ['q_proj'] };

/** The first row of an adapted matrix. */
async function rowOf(path: string, options: OpenCheckpointOptions = {}): Promise<number[]> {
  const { checkpoint } = await openTrained(path, options);
  const row = await firstRow(checkpoint);
  await checkpoint.close();
  return row;
}

async function firstRow({ tensors }: Checkpoint): Promise<number[]> {
  const bytes = await tensors.get(NAME)!.readRows(0, 1);
  return [...new Float32Array(bytes.slice().buffer)];
}

describe('a run of LoRA', () => {
  it('is opened at each checkpoint, the best too, and when it was killed', async () => {
    const { out } = await tune('lora', {
      ...LORA,
      max_steps: 3,
      save_steps: 1,
      eval_steps: 2,
      dataset_test_split: 'train',
    });
    const last = await rowOf(out);
    const steps = [];
    for (const step of [1, 2, 3]) steps.push(await rowOf(out, { step }));
    expect(new Set(steps.map(String)).size).toBe(3);
    expect(steps[2]).toEqual(last);
    expect(await rowOf(out, { best: true })).toEqual(steps[2]);
    // What a run that was killed leaves: checkpoints, and no adapter or an old one.
    for (const name of readdirSync(out).filter((file) => file.startsWith('adapter_')))
      rmSync(join(out, name));
    expect(await rowOf(out)).toEqual(last);
  });

  it('has no adapter of before beside it while it goes on', { tags: ['slow'] }, async () => {
    const { out } = await tune('again', { ...LORA, max_steps: 4 }, { maxSteps: 2 });
    const files = () => readdirSync(out).filter((file) => file.startsWith('adapter_'));
    const seen: number[] = [];
    expect(files()).toHaveLength(2);
    const onStep = () => void seen.push(files().length);
    await tune('again', { ...LORA, max_steps: 4 }, { resume: true, onStep });
    expect([...seen, files().length]).toEqual([0, 0, 2]);
  });

  it('leaves the adapter of a folder that is no run', { tags: ['slow'] }, async () => {
    mkdirSync(at('theirs'));
    writeFileSync(at('theirs/adapter_config.json'), '{}');
    await tune('theirs', { max_steps: 1 });
    expect(readdirSync(at('theirs'))).toContain('adapter_config.json');
  });

  it('is converted with another tokenizer where one is named', { tags: ['slow'] }, async () => {
    const { out } = await tune('worded', { ...LORA, max_steps: 1 });
    const bytes = tokenizerJson(trainBpe(new WordCounts(), { vocabSize: 256 }));
    writeFileSync(at('tokenizer.json'), JSON.stringify(bytes));
    const { checkpoint } = await openTrained(out, { tokenizer: at('tokenizer.json') });
    expect(checkpoint.tokenizer).toMatchObject({ tokenizer: bytes });
    await checkpoint.close();
    await expect(openTrained(out, { tokenizer: at('none.json') })).rejects.toThrow(/none\.json.*ENOENT/);
  });

  it('says where it has looked for the model that it tuned', async () => {
    copyFileSync(NANO, at('base.gguf'));
    const beside = { model_name_or_path: 'base.gguf', max_steps: 1 };
    for (const keys of [beside, { ...beside, ...LORA }]) {
      const { out } = await tune(`beside-${Object.keys(keys).length}`, keys);
      await expect(openTrained(out)).rejects.toThrow(
        `${out}: expected the model that the run has tuned, got none at ${resolve('base.gguf')} (`,
      );
    }
  });

  it('of rank-stabilised LoRA trains with alpha / sqrt(rank), and says so to PEFT', async () => {
    const { out, hash } = await tune('rslora', { ...LORA, use_rslora: true });
    expect(hash).not.toBe((await tune('unstabilised', LORA)).hash);
    // alpha / rank of an alpha that much larger is the same scale.
    expect(hash).toBe((await tune('scaled', { ...LORA, lora_alpha: 4 * Math.SQRT2 })).hash);
    const base = await openNode(NANO);
    const adapter = await openAdapter(out, base);
    expect(adapter.scale).toBe(4 / Math.SQRT2);
    expect(await rowOf(out)).toEqual(await firstRow(withAdapter(base, adapter)));
    await base.close();
  });

  it('has the adapter that it writes for PEFT', async () => {
    const { out } = await tune('peft', { ...LORA, max_steps: 1 });
    const base = await openNode(NANO);
    const adapter = await openAdapter(out, base);
    expect([adapter.scale, adapter.modules.size]).toEqual([2, base.config.numLayers]);
    const expected = await firstRow(withAdapter(base, adapter));
    expect(await rowOf(out)).toEqual(expected);
    await base.close();
  });
});
