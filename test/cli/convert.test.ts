import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNode } from '../../src/node/open.ts';
import { CheckpointFolder } from '../../src/node/train/checkpoint-folder.ts';
import { readRecipe } from '../../src/train/read-recipe.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import type { StateTensor } from '../../src/train/training-state.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let folder: string;
let tiny: string;
const at = (name: string) => join(folder, name);
const convert = (...args: string[]) => runCli(['convert', ...args]);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-convert-'));
  tiny = makeTinyFolder('gqa');
  await makeRun(at('run'));
});
afterAll(() => {
  for (const path of [folder, tiny]) rmSync(path, { recursive: true, force: true });
});

/** A run of two checkpoints: the tiny model at step 8, all of it doubled at step 4. */
async function makeRun(path: string): Promise<void> {
  const model = JSON.parse(readFileSync(join(tiny, 'config.json'), 'utf8'));
  const parsed = {
    general: { run: 'tiny-run', seed: 5 },
    model: { dtype: 'float32', init_method: { std: 0.02 }, model_config: model },
    tokenizer: { tokenizer_name_or_path: tiny },
    tokens: { sequence_length: 32, train_steps: 8, micro_batch_size: 2 },
    optimizer: { learning_rate_scheduler: { learning_rate: 1e-3, min_decay_lr: 0 } },
    data_stages: [{ start_training_step: 1, data: { dataset: { dataset_folder: 'a' } } }],
  };
  const { recipe } = readRecipe(parsed, 'tiny.yaml');
  const weights = await tinyWeights();
  const store = new CheckpointFolder(join(path, 'checkpoints'));
  for (const step of [4, 8]) {
    const scaled = weights.map((tensor) => ({
      ...tensor,
      values: tensor.values.map((v) => (step === 4 ? 2 * v : v)),
    }));
    await store.save({
      state: stateAt(step, recipe),
      tensors: { weights: scaled, firstMoments: weights, secondMoments: weights },
    });
  }
  const lines = Array.from({ length: 8 }, (_, i) => JSON.stringify({ step: i + 1, loss: 5 - i / 4 }));
  writeFileSync(join(path, 'log.jsonl'), `${lines.join('\n')}\n{"step": 9, "lo`);
}

async function tinyWeights(): Promise<StateTensor[]> {
  const checkpoint = await openNode(tiny);
  const weights: StateTensor[] = [];
  for (const { name, shape, readRows } of checkpoint.tensors.values()) {
    const bytes = (await readRows(0, shape.length === 1 ? 1 : shape[0])).slice();
    weights.push({ name, shape, values: new Float32Array(bytes.buffer) });
  }
  await checkpoint.close();
  return weights;
}

function stateAt(step: number, recipe: Recipe) {
  const consumedRows = { 'stage 1': 2 * step };
  const progress = { step, updates: step, consumedRows, consumedTokens: 64 * step, lossHash: 'cafe' };
  return { version: 1, ...progress, best: { step, loss: 4.25 }, recipe } as const;
}

/** Values of one matrix of a model, as float32. */
async function values(path: string): Promise<number[]> {
  const checkpoint = await openNode(path);
  const bytes = (
    await checkpoint.tensors.get('model.layers.1.self_attn.q_proj.weight')!.readRows(0, 32)
  ).slice();
  await checkpoint.close();
  return [...new Float32Array(bytes.buffer)];
}

describe('smollm2 convert of a run', () => {
  it('writes a folder that transformers would load, with a card', { tags: ['slow'] }, async () => {
    const { code, stderr } = await convert(at('run'), at('hf'));
    expect(`${code} ${stderr}`).toBe(`0 ${at('hf')}: written as hf\n`);
    expect(readdirSync(at('hf')).sort()).toEqual([
      'README.md',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(await values(at('hf'))).toEqual(await values(tiny));
    const ours = JSON.parse(readFileSync(at('hf/config.json'), 'utf8'));
    expect(ours).toMatchObject({ architectures: ['LlamaForCausalLM'], rope_theta: 10_000, vocab_size: 96 });
    const card = readFileSync(at('hf/README.md'), 'utf8');
    for (const part of ['# tiny-run', '`cafe`', '| 8 | 3.2500 |', 'Best evaluation: loss 4.2500 at step 8']) {
      expect(card).toContain(part);
    }
  });

  it('has an empty cell in its card where a loss was no number', { tags: ['slow'] }, async () => {
    cpSync(at('run'), at('skipped'), { recursive: true });
    appendFileSync(
      join(at('skipped'), 'log.jsonl'),
      `\n${JSON.stringify({ step: 8, loss: null, eval_loss: 4 })}\n`,
    );
    const { code, stderr } = await convert(at('skipped'), at('skipped-hf'));
    expect(`${code} ${stderr}`).toBe(`0 ${at('skipped-hf')}: written as hf\n`);
    expect(readFileSync(at('skipped-hf/README.md'), 'utf8')).toContain('| 8 |  | 4.0000 |');
  });

  it('refuses options of another format', async () => {
    const { code, stderr } = await convert(at('run'), at('ranks'), '--tp', '2');
    expect(`${code} ${stderr}`).toContain('2 smollm2: --tp: expected --to nanotron with it, got hf');
  });

  it('takes another step, and another number format', { tags: ['slow'] }, async () => {
    await convert(at('run'), at('hf4'), '--step', '4');
    expect(await values(at('hf4'))).toEqual((await values(tiny)).map((value) => 2 * value));
    await convert(at('run'), at('bf16'), '--type', 'bf16');
    const checkpoint = await openNode(at('bf16'));
    expect(new Set([...checkpoint.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
    await checkpoint.close();
    const { code, stderr } = await convert(at('run'), at('hf5'), '--step', '5');
    expect(`${code} ${stderr}`).toContain('expected a checkpoint of step 5, got 4, 8');
  });

  it('goes through GGUF and nanotron and back', { tags: ['slow'] }, async () => {
    const { code } = await convert(at('run'), at('tiny.gguf'), '--type', 'f16');
    expect(code).toBe(0);
    const generated = (model: string) =>
      runCli(['generate', '-m', model, '--max-tokens', '5', '--temperature', '0', 'A'], '');
    expect((await generated(at('tiny.gguf'))).stdout).toBe((await generated(tiny)).stdout);
    await convert(at('run'), at('nano'), '--to', 'nanotron', '--tp', '2', '--interleaved');
    const metadata = JSON.parse(readFileSync(at('nano/checkpoint_metadata.json'), 'utf8'));
    expect(metadata).toMatchObject({ tp: 2, metas: { last_train_step: 8, consumed_train_samples: 16 } });
    await convert(at('nano'), at('back'), '--tokenizer', tiny);
    expect(readFileSync(at('back/model.safetensors')).equals(readFileSync(at('hf/model.safetensors')))).toBe(
      true,
    );
  });
});

describe('smollm2 convert of a GGUF file', () => {
  it('brings weights, tokenizer and template back into a folder', { tags: ['slow'] }, async () => {
    await convert(tiny, at('through.gguf'), '--type', 'bf16');
    expect((await convert(at('through.gguf'), at('through'), '--type', 'bf16')).code).toBe(0);
    await convert(tiny, at('straight'), '--type', 'bf16');
    const same = (name: string) =>
      readFileSync(at(`through/${name}`)).equals(readFileSync(at(`straight/${name}`)));
    expect(['model.safetensors', 'chat_template.jinja'].map(same)).toEqual([true, true]);
    const text = 'Ab <|im_end|>12\n';
    const ids = async (model: string) => (await runCli(['tokenize', '-m', model, text])).stdout;
    expect(await ids(at('through'))).toBe(await ids(tiny));
  });
});

describe('what smollm2 convert refuses', () => {
  it.each([
    [['nowhere', 'out'], 'nowhere'],
    [['RUN', 'OUT', '--to', 'onnx'], '--to: expected hf or gguf or nanotron, got "onnx"'],
    [['RUN', 'OUT', '--type', 'q4_0'], '--type: expected f32 or bf16 or f16, got "q4_0"'],
    [['RUN', 'OUT', '--best'], 'expected a checkpoint, got none'],
    [
      ['RUN', 'OUT', '--to', 'nanotron', '--tp', '3'],
      'tp: expected a divisor of the 2 key and value heads, got 3',
    ],
  ])('%j', async (args, message) => {
    const words = args.map((word) => (word === 'RUN' ? at('run') : word === 'OUT' ? at('refused') : word));
    const { code, stderr } = await convert(...words);
    expect(stderr).toContain(message);
    expect(code).toBeGreaterThan(0);
  });
});
