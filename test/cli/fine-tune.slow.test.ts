// Whole runs of SFT, DPO and LoRA from the command line, from JSONL and parquet, on the nano model; and the tuned model,
// written as GGUF and used.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteFile } from 'hyparquet-writer/src/node.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNode } from '../../src/node/open.ts';
import { loadModel } from '../../src/run/load.ts';
import { runCli } from '../support/run-cli.ts';

const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}";
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const CONVERSATIONS = ['king', 'queen', 'fool', 'ghost'].map((who) => ({
  messages: [user(`Who art thou, ${who}?`), assistant(`I am the ${who}.`)],
}));
const PAIRS = ['king', 'queen', 'fool', 'ghost'].map((who) => ({
  chosen: [user(`Who art thou, ${who}?`), assistant(`I am the ${who}.`)],
  rejected: [user(`Who art thou, ${who}?`), assistant('Away, I know thee not.')],
}));

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-tune-'));
  writeFileSync(at('conversations.jsonl'), CONVERSATIONS.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(at('pairs.jsonl'), PAIRS.map((row) => `${JSON.stringify(row)}\n`).join(''));
  parquetWriteFile({
    filename: at('conversations.parquet'),
    columnData: [{ name: 'messages', data: CONVERSATIONS.map(({ messages }) => messages), type: 'JSON' }],
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Trains, and gives the lines of the log. */
async function tune(name: string, keys: Record<string, unknown>): Promise<Record<string, number>[]> {
  const recipe = {
    model_name_or_path: 'nano',
    chat_template: TEMPLATE,
    per_device_train_batch_size: 2,
    max_length: 128,
    max_steps: 12,
    learning_rate: 1e-3,
    lr_scheduler_type: 'constant',
    warmup_steps: 0,
    seed: 1,
    ...keys,
  };
  writeFileSync(at(`${name}.yaml`), JSON.stringify(recipe));
  const { code, stderr } = await runCli(['train', at(`${name}.yaml`), '--out', at(name), '--threads', '1']);
  expect(stderr, name).not.toMatch(/^smollm2:/m);
  expect(code, name).toBe(0);
  const text = readFileSync(join(at(name), 'log.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Logits of the model in a run, once written as GGUF. */
async function logitsOf(run: string): Promise<number[]> {
  const { code, stderr } = await runCli(['convert', run, at('out.gguf'), '--type', 'f16']);
  expect(code, stderr).toBe(0);
  const checkpoint = await openNode(at('out.gguf'));
  const model = await loadModel(checkpoint, { engine: 'reference' });
  const logits = [...(await model.forward([5, 6, 7], model.newCache(8)))];
  await model.close();
  await checkpoint.close();
  return logits;
}

/** The chat template of the model in a run, once written as a folder. */
async function templateOf(run: string): Promise<string | undefined> {
  expect((await runCli(['convert', run, at('out-hf')])).code).toBe(0);
  const checkpoint = await openNode(at('out-hf'));
  await checkpoint.close();
  rmSync(at('out-hf'), { recursive: true });
  return checkpoint.chatTemplate;
}

describe('smollm2 train', () => {
  it('tunes on conversations, the same from JSONL and from parquet', async () => {
    const lines = await tune('sft', { dataset_name: at('conversations.jsonl') });
    expect(lines).toHaveLength(12);
    expect(lines[11].loss).toBeLessThan(0.7 * lines[0].loss);
    expect(lines[11].mean_token_accuracy).toBeGreaterThan(lines[0].mean_token_accuracy);
    // The model is asked in the words that it was tuned on, though nano itself has no template.
    expect(await templateOf(at('sft'))).toBe(TEMPLATE);
    const again = await tune('sft-parquet', { dataset_name: at('conversations.parquet') });
    expect(again.map(({ bits }) => bits)).toEqual(lines.map(({ bits }) => bits));
  });

  it('prefers the chosen answers after DPO, which goes on from the run of SFT', async () => {
    const from = { model_name_or_path: at('sft'), chat_template: undefined };
    const lines = await tune('dpo', {
      ...from,
      dataset_name: at('pairs.jsonl'),
      beta: 0.1,
      learning_rate: 1e-4,
    });
    expect(lines[0].loss).toBeCloseTo(Math.LN2, 6);
    expect(lines[11].loss).toBeLessThan(lines[0].loss);
    expect(lines[11]['rewards/margins']).toBeGreaterThan(0.1);
    expect(lines[11]['rewards/accuracies']).toBe(1);
    expect(await templateOf(at('dpo'))).toBe(TEMPLATE);
    const { stderr } = await runCli(['generate', '-m', at('dpo'), '--raw', 'hi']);
    expect(stderr).toContain(`smollm2 convert ${at('dpo')} `);
  });

  it('tunes adapters, and convert adds them into the model', async () => {
    const lora = { use_peft: true, lora_r: 4, lora_alpha: 8, lora_target_modules: ['q_proj', 'down_proj'] };
    const keys = { dataset_name: at('conversations.jsonl'), learning_rate: 1e-2, ...lora };
    const lines = await tune('lora', keys);
    expect(lines[11].loss).toBeLessThan(lines[0].loss);
    expect(await templateOf(at('lora'))).toBe(TEMPLATE);
    const { stdout } = await runCli([
      'grads',
      '--model',
      'nano',
      '--ids',
      '5,6,7',
      '--out',
      at('g.safetensors'),
    ]);
    expect(stdout).toMatch(/loss/); // nano itself is as it was
    const [tuned, base] = [await logitsOf(at('lora')), await logitsOf('models/nano.gguf')];
    const moved = Math.max(...tuned.map((value, id) => Math.abs(value - base[id])));
    expect(moved).toBeGreaterThan(0.01);
  });
});
