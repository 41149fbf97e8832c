// Short runs of SFT, DPO and LoRA on nano, in a folder of their own: rows and recipe as a user would write them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { RunOptions } from '../../src/node/train/open-run.ts';
import { runTraining } from '../../src/node/train/run.ts';
import type { StepLine } from '../../src/train/trainer.ts';

export const NANO = fileURLToPath(new URL('../../models/nano.gguf', import.meta.url));
export const TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

export const user = (content: string) => ({ role: 'user', content });
export const assistant = (content: string) => ({ role: 'assistant', content });
/** Six conversations of a few tokens. */
export const TALKS = ['king', 'queen', 'fool', 'ghost', 'owl', 'thief'].map((who) => ({
  messages: [user(`Who art thou, ${who}?`), assistant(`I am the ${who}.`)],
}));

/** Rows as JSONL. */
export const jsonl = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

export interface Tuned {
  readonly out: string;
  readonly hash: string;
  readonly lines: readonly StepLine[];
  readonly notes: readonly string[];
}

/** A folder that goes when the tests of the file are done, and runs in it by name. */
export function tuningFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-tuning-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  writeFileSync(at('talks.jsonl'), jsonl(TALKS));
  const tune = async (name: string, keys: object, options: Partial<RunOptions> = {}): Promise<Tuned> => {
    const recipe = { model_name_or_path: NANO, chat_template: TEMPLATE, dataset_name: at('talks.jsonl') };
    const numbers = { per_device_train_batch_size: 2, max_length: 64, max_steps: 2, learning_rate: 1e-2 };
    writeFileSync(at(`${name}.yaml`), JSON.stringify({ ...recipe, ...numbers, ...keys }));
    const [lines, notes]: [StepLine[], string[]] = [[], []];
    const { state } = await runTraining({
      recipe: at(`${name}.yaml`),
      out: at(name),
      threads: 1,
      onStep: (line) => lines.push(line),
      onNote: (note) => notes.push(note),
      ...options,
    });
    return { out: at(name), hash: state.lossHash, lines, notes };
  };
  return { at, tune };
}
