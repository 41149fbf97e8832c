// One model that was trained here, by three programs: transformers in float64 (TRANSFORMERS_PYTHON), a llama.cpp server
// (LLAMA_SERVER, its program) and this one. Parts whose program is absent are skipped and say so.
//
// Seen: transformers 2.1e-6 (its rotary frequencies are float32), WASM 5.8e-6, llama.cpp 1.2e-3 in F16 and 0.08 in Q8_0,
// which rounds activations as well.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logSumExp } from '../../src/base/log-sum-exp.ts';
import { openNode } from '../../src/node/open.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { type LoadOptions, loadModel } from '../../src/run/load.ts';
import { runCli } from '../support/run-cli.ts';

const python = process.env.TRANSFORMERS_PYTHON ?? 'python3';
const server = process.env.LLAMA_SERVER ?? '';
/** "ROMEO.\nShall I compare thee to a summer" by nano's tokenizer. */
const PROMPT = 'ROMEO.\nShall I compare thee to a summer';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-trained-'));
  for (const args of [['hf', '--type', 'f32'], ['f16.gguf'], ['q8.gguf', '--type', 'q8_0']]) {
    const [name, ...rest] = args;
    const input = name === 'hf' ? 'models/nano.gguf' : join(folder, 'hf');
    expect((await runCli(['convert', input, join(folder, name), ...rest])).code).toBe(0);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Ids of the prompt, and the logits behind its last one. */
async function ours(file: string, options: LoadOptions) {
  const checkpoint = await openNode(join(folder, file));
  const { stdout } = await runCli(['tokenize', '--model', join(folder, file), '--json', PROMPT]);
  const ids: number[] = JSON.parse(stdout).ids ?? JSON.parse(stdout);
  const model = await loadModel(checkpoint, options, nodePlatform);
  const logits = Float64Array.from(await model.forward(ids, model.newCache(), { logits: 'last' }));
  await model.close();
  await checkpoint.close();
  return { ids, logits };
}

const hasTransformers = (() => {
  try {
    execFileSync(python, ['-c', 'import torch, transformers'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`${python} has no torch, transformers: skipped`);
    return false;
  }
})();

describe.skipIf(!hasTransformers)('transformers in float64', () => {
  it.each<[string, LoadOptions]>([
    ['the reference', { engine: 'reference' }],
    ['WASM', { threads: 1, precision: 'precise' }],
  ])('has the logits of %s within 1e-5', async (_, options) => {
    const { ids, logits } = await ours('hf', options);
    const program = `
import sys, json, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float64)
with torch.no_grad(): print(json.dumps(model(torch.tensor([json.loads(sys.argv[2])])).logits[0, -1].tolist()))`;
    const words = ['-c', program, join(folder, 'hf'), JSON.stringify(ids)];
    const text = execFileSync(python, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const theirs: number[] = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    const worst = Math.max(...theirs.map((value, id) => Math.abs(value - logits[id])));
    console.log(`transformers: ${worst}`);
    expect(worst).toBeLessThan(1e-5);
  });
});

describe.skipIf(!existsSync(server))('a llama.cpp server', () => {
  it.each([
    ['f16.gguf', 5e-3],
    ['q8.gguf', 0.25],
  ])('has the log-probabilities of %s within %f', async (file, bound) => {
    const { ids, logits } = await ours(file, { engine: 'reference' });
    const [port, env] = [18_391, { ...process.env, LD_LIBRARY_PATH: dirname(server) }];
    const words = ['-m', join(folder, file), '-t', '1', '-c', '512', '--port', String(port)];
    const child = spawn(server, words, { env, stdio: 'ignore' });
    try {
      const address = `http://127.0.0.1:${port}`;
      while (!(await fetch(`${address}/health`).catch(() => undefined))?.ok) await sleep(200);
      const body = JSON.stringify({ prompt: ids, n_predict: 1, n_probs: 2000, temperature: 0 });
      const answer = await (await fetch(`${address}/completion`, { method: 'POST', body })).json();
      const theirs: { id: number; logprob: number }[] = answer.completion_probabilities[0].top_logprobs;
      const sum = logSumExp(logits);
      const worst = Math.max(...theirs.map(({ id, logprob }) => Math.abs(logprob - (logits[id] - sum))));
      console.log(`llama.cpp, ${file}: ${worst}`);
      expect(theirs.length).toBe(2000);
      expect(worst).toBeLessThan(bound);
      expect(theirs[0].id).toBe(logits.indexOf(Math.max(...logits)));
    } finally {
      child.kill();
    }
  });
});
