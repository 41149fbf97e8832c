// lm-evaluation-harness, as PyPI has it, asks `smollm2 serve` without a hub: what it sums up is what `smollm2 eval`
// sums up, to the last bit, however its requests are packed; what it has written is what the library writes.

import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from '../../../dist/node/index.js';
import { harnessPython } from './harness.mjs';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'smollm2-lm-eval-'));
const parsed = (text) => text.trim().split('\n').map(JSON.parse);
const rows = parsed(readFileSync(join(here, 'rows/arc_easy.test.jsonl'), 'utf8'));
const given = process.env.SMOLLM2_TEST_WEIGHTS;
const MODEL = given && existsSync(given) ? given : '135m';
const CTX = 1024;
let server;
let url;

beforeAll(async () => {
  for (const task of ['arc-local', 'answers-local']) {
    const text = readFileSync(join(here, `${task}.yaml`), 'utf8').replace('ROWS', join(here, 'rows'));
    writeFileSync(join(folder, `${task}.yaml`), text);
  }
  const args = [program, 'serve', '--port', '0', '--quiet', '--model', MODEL, '--ctx', String(CTX)];
  server = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  for await (const line of createInterface({ input: server.stderr })) {
    url = /^ready: (\S+)\/v1/.exec(line)?.[1];
    if (url) break;
  }
  server.stderr.resume();
});

afterAll(() => {
  server?.kill();
  rmSync(folder, { recursive: true });
});

/** What the harness wrote down of each question of the tasks, in the order of the rows. */
async function samples(model, path, tasks, { batch = '1', concurrent = 1, flags = [] } = {}) {
  const out = mkdtempSync(join(folder, 'out-'));
  const given = { model: 'smollm2', base_url: url + path, max_length: CTX, num_concurrent: concurrent };
  const told = Object.entries(given).map(([name, value]) => `${name}=${value}`);
  const args = ['-m', 'lm_eval', '--model', model, '--model_args', told.join(), '--include_path', folder];
  const rest = ['--tasks', tasks.join(), '--batch_size', batch, '--output_path', out, '--log_samples'];
  await run(await harnessPython(), [...args, ...rest, ...flags], {
    env: { ...process.env, HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', HF_HOME: join(folder, 'hub') },
  });
  const files = readdirSync(out, { recursive: true });
  return tasks.map((task) => {
    const file = files.find((name) => name.includes(`samples_${task}`));
    return parsed(readFileSync(join(out, file), 'utf8')).sort((a, b) => a.doc_id - b.doc_id);
  });
}

/** The text of a greedy answer of the library's. */
async function written(tokens) {
  let text = '';
  for await (const token of tokens) text += token.text;
  return text;
}

const GREEDY = { temperature: 0, maxTokens: 24, stop: ['Question:'] };
const prompts = rows.map(({ question }) => `Question: ${question}\nAnswer:`);
const texts = (found) => found.map(({ resps }) => resps[0][0]);

describe('lm-evaluation-harness', () => {
  let smol;
  let ours;
  beforeAll(async () => {
    smol = await load(MODEL, { maxSeqLen: CTX });
    const file = join(folder, 'ours.jsonl');
    const args = ['--style', 'lm-eval', '--shots', '0', '--data', join(here, 'rows'), '--out', file];
    const engine = ['--model', MODEL, '--ctx', String(CTX)];
    await run(process.execPath, [program, 'eval', '--tasks', 'arc:easy', ...args, ...engine]);
    ours = parsed(readFileSync(file, 'utf8')).sort((a, b) => a.row - b.row);
  });
  afterAll(() => smol?.close());

  function expectOurs(theirs) {
    expect(ours).toHaveLength(rows.length);
    const sums = theirs.map(({ filtered_resps }) => filtered_resps.map(([sum]) => Number(sum)));
    expect(sums).toEqual(ours.map(({ loglikelihood }) => loglikelihood));
    for (const name of ['acc', 'acc_norm']) {
      expect(theirs.map((sample) => sample[name])).toEqual(ours.map(({ scores }) => scores[name]));
    }
  }

  it('local-completions has the log-likelihoods of smollm2 eval, and the answers of the library', async () => {
    const path = '/v1/completions';
    const [choices, answers] = await samples('local-completions', path, ['arc_local', 'answers_local']);
    expectOurs(choices);
    for (const [n, text] of texts(answers).entries()) {
      expect(text).toBe(await written(smol.generate(prompts[n], GREEDY)));
    }
  });

  it('has them from eight prompts a request and four requests at a time', async () => {
    const packed = { concurrent: 4, batch: '8' };
    expectOurs((await samples('local-completions', '/v1/completions', ['arc_local'], packed))[0]);
  });

  it('local-chat-completions has the answers of the library', async () => {
    const flags = ['--apply_chat_template'];
    const path = '/v1/chat/completions';
    const [answers] = await samples('local-chat-completions', path, ['answers_local'], { flags });
    for (const [n, text] of texts(answers).entries()) {
      const turn = [{ role: 'user', content: prompts[n] }];
      expect(text).toBe(await written(smol.chat(turn, GREEDY)));
    }
  });
});
