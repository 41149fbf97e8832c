// Runs of tuning as their recipe asks for them: when they save and evaluate, on which rows, and what they say.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assistant, jsonl, TALKS, tuningFolder, user } from '../support/tuning.ts';

const { tune, at } = tuningFolder();
const saved = (out: string) => readdirSync(join(out, 'checkpoints')).filter((name) => name !== 'latest');
const evaluated = (lines: readonly Record<string, unknown>[]) =>
  lines.filter((line) => line.eval_loss !== undefined).map(({ step }) => step);

describe('a run of two epochs, of three steps each', () => {
  const keys = {
    num_train_epochs: 2,
    max_steps: -1,
    dataset_test_split: 'train',
    save_steps: 2,
    eval_steps: 2,
  };

  it('saves and evaluates at the end of each', async () => {
    const each = { save_strategy: 'epoch', eval_strategy: 'epoch' };
    const { out, lines } = await tune('epochs', { ...keys, ...each });
    expect(saved(out)).toEqual(['step-00000003', 'step-00000006']);
    expect(evaluated(lines)).toEqual([3, 6]);
  });

  it('saves at its end alone and never evaluates', async () => {
    const never = { save_strategy: 'no', eval_strategy: 'no' };
    const { out, lines } = await tune('never', { ...keys, ...never });
    expect(saved(out)).toEqual(['step-00000006']);
    expect(evaluated(lines)).toEqual([]);
  });
});

describe('dataset_test_split', () => {
  const keys = { max_steps: 1, eval_steps: 1 };

  it('has no rows in a data set that is one file: nothing is evaluated, and that is said', async () => {
    const { lines, notes } = await tune('one-file', { ...keys, dataset_test_split: 'test' });
    expect(evaluated(lines)).toEqual([]);
    expect(notes).toEqual([
      `dataset_test_split: ${at('talks.jsonl')} is one file, without a split test; nothing is evaluated`,
    ]);
  });

  it('may be the rows that are trained on, and that is said', async () => {
    const { lines, notes } = await tune('same', { ...keys, dataset_test_split: 'train' });
    expect(evaluated(lines)).toEqual([1]);
    expect(notes.join()).toMatch(/^dataset_test_split: train is trained on too/);
  });

  it('is read from its own file of a folder, and refused where there is none', async () => {
    mkdirSync(at('rows'));
    writeFileSync(at('rows/train.jsonl'), jsonl(TALKS.slice(1)));
    const folder = { ...keys, dataset_name: at('rows'), dataset_test_split: 'test' };
    await expect(tune('none', folder)).rejects.toThrow(/rows: expected rows of split test, got none/);
    writeFileSync(at('rows/test.jsonl'), jsonl(TALKS.slice(0, 1)));
    const { lines, notes } = await tune('folder', folder);
    expect([evaluated(lines), notes]).toEqual([[1], []]);
  });
});

describe('a row at fault', () => {
  const call = { role: 'assistant', content: null, tool_calls: [{ name: 'sing' }] };
  const rows = (name: string, list: readonly unknown[]) => {
    writeFileSync(at(name), jsonl(list));
    return { dataset_name: at(name) };
  };

  it('is named by file and line where its template, or an answer without a text, fails', async () => {
    const calls = rows('calls.jsonl', [TALKS[0], { messages: [user('Sing!'), call] }]);
    await expect(tune('calls', calls)).rejects.toThrow(/calls\.jsonl, line 2: /);
    const good = { prompt: 'Sing!', chosen: 'No.', rejected: 'Yes.' };
    const pairs = rows('pairs.jsonl', [good, { ...good, chosen: [call] }]);
    await expect(tune('pairs', { ...pairs, beta: 0.5 })).rejects.toThrow(
      /pairs\.jsonl, line 2: content of a message \(role assistant\): expected a text, got null/,
    );
  });

  it('is named by file and line where the loss is no number, each of a bin too', async () => {
    const wild = { learning_rate: 1e30, max_grad_norm: 0, max_steps: 3 };
    const long = { messages: [user('owl '.repeat(100)), assistant('I.')] };
    const left = rows('left.jsonl', [long, TALKS[0], TALKS[1]]);
    const sft = { ...wild, ...left, assistant_only_loss: true };
    const lines = /batch: .*left\.jsonl, line [23]; .*left\.jsonl, line [23](;|$)/;
    await expect(tune('wild', sft)).rejects.toThrow(lines);
    await expect(tune('wild-bins', { ...sft, packing: true })).rejects.toThrow(lines);
    const pair = rows('wild.jsonl', [{ prompt: 'Who?', chosen: 'I.', rejected: 'Thou.' }]);
    await expect(tune('wild-pair', { ...wild, ...pair, beta: 0.5 })).rejects.toThrow(/wild\.jsonl, line 1/);
  });
});
