// Rows of SFT and DPO as files have them: TRL's forms of a pair are one run, and a row that is none is named.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runTraining } from '../../src/node/train/run.ts';
import { assistant, jsonl, NANO, TEMPLATE, user } from '../support/tuning.ts';

const folder = mkdtempSync(join(tmpdir(), 'smollm2-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

let runs = 0;
/** Trains on rows for a few steps; lists are written as JSONL. */
async function train(rows: readonly unknown[] | Uint8Array, more: object = {}, options: object = {}) {
  const name = String(runs++);
  const data = join(folder, `${name}.jsonl`);
  writeFileSync(data, rows instanceof Uint8Array ? rows : jsonl(rows));
  const recipe = join(folder, `${name}.yaml`);
  const keys = { model_name_or_path: NANO, chat_template: TEMPLATE, dataset_name: data, max_steps: 2 };
  writeFileSync(recipe, JSON.stringify({ ...keys, per_device_train_batch_size: 2, ...more }));
  const out = join(folder, `run-${name}`);
  const run = (rest: object) =>
    runTraining({ recipe, out, threads: 1, onNote: () => {}, ...options, ...rest });
  const { state } = await run({});
  return { state, resumed: () => run({ resume: true, maxSteps: undefined }), out };
}
const dpo = { beta: 0.5 };

describe('a pair', () => {
  const question = 'Who sings at night?';
  const forms = {
    'whole conversations': {
      chosen: [user(question), assistant('The owl.')],
      rejected: [user(question), assistant('None.')],
    },
    'a prompt and answers, as messages': {
      prompt: [user(question)],
      chosen: [assistant('The owl.')],
      rejected: [assistant('None.')],
    },
    'a prompt and answers, as texts': { prompt: question, chosen: 'The owl.', rejected: 'None.' },
  };

  it('is the same in each form of TRL, and its prompt counts', { tags: ['slow'] }, async () => {
    const hashes = [];
    for (const row of Object.values(forms)) hashes.push((await train([row], dpo)).state.lossHash);
    expect(new Set(hashes).size).toBe(1);
    const other = { ...forms['a prompt and answers, as messages'], prompt: [user('What swims?')] };
    expect((await train([other], dpo)).state.lossHash).not.toBe(hashes[0]);
  });

  it.each<[string, object, RegExp]>([
    ['empty conversations', { chosen: [], rejected: [] }, /line 2: chosen: expected messages that end/],
    ['no answer', { prompt: 'a' }, /line 2: chosen: expected an array/],
    ['an answer without a prompt', { chosen: 'a', rejected: 'b' }, /line 2: prompt: expected an array/],
    [
      'a question at the end',
      { chosen: [assistant('a'), user('b')], rejected: 'b', prompt: 'c' },
      /line 2: chosen: expected messages that end in one of the assistant/,
    ],
  ])('with %s is refused by its line', async (_, row, message) => {
    await expect(train([forms['whole conversations'], row], dpo)).rejects.toThrow(message);
  });
});

describe('a row of a conversation', () => {
  const line = JSON.stringify({ messages: [user('Who?'), assistant('The owl.')] });

  it('may stand behind a byte order mark', { tags: ['slow'] }, async () => {
    const [plain, marked] = [`${line}\n`, `\ufeff${line}\n`].map((text) => new TextEncoder().encode(text));
    expect((await train(marked)).state.lossHash).toBe((await train(plain)).state.lossHash);
  });

  it('that is no UTF-8 is refused by its line', async () => {
    const bytes = Buffer.from(`${line}\n${line.replace('owl', 'owl\x01')}\n`);
    bytes[bytes.indexOf(1)] = 0xc3;
    await expect(train(bytes)).rejects.toThrow(/\.jsonl, line 2: expected text in UTF-8/);
  });

  it('is told of as it is read, and so is each pair that the reference judges', {
    tags: ['slow'],
  }, async () => {
    const told: unknown[][] = [];
    const onProgress = (...how: unknown[]) => told.push(how);
    const pair = { prompt: 'Who?', chosen: 'The owl.', rejected: 'None.' };
    await train([pair, pair, pair], { ...dpo, max_steps: 1 }, { onProgress });
    expect(told).toEqual([
      ...[1, 2, 3].map((n) => ['reading train', n, undefined, 'rows']),
      ...[2, 3].map((n) => ['log-probabilities of the reference', n, 3, 'rows']),
    ]);
  });

  it('names a role that is misspelt, and leaves to the template what it knows itself', async () => {
    const row = (role: string) => ({
      messages: [user('Who?'), { role, content: 'The owl.' }, assistant('Yes.')],
    });
    await expect(train([row('user'), row('Asistant')])).rejects.toThrow(
      /\.jsonl, line 2, messages\[1\]: expected the role assistant, got "Asistant"/,
    );
    await expect(train(['narrator', 'user_1', 'tools'].map(row), { max_steps: 1 })).resolves.toBeDefined();
  });

  it('is counted once where the run is stopped and resumed', { tags: ['slow'] }, async () => {
    const rows = [1, 2, 3].map((n) => ({ messages: [user(`Who ${n}?`), assistant('The owl.')] }));
    const keys = { max_steps: 5 };
    const whole = await train(rows, keys);
    // Two rows, then the one that is left of the epoch, and so on.
    expect(whole.state.consumedRows).toEqual({ rows: 8 });
    const stopped = await train(rows, keys, { maxSteps: 2 });
    expect((await stopped.resumed()).state).toMatchObject({
      consumedRows: { rows: 8 },
      lossHash: whole.state.lossHash,
    });
    expect(readFileSync(join(stopped.out, 'log.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(5);
  });
});
