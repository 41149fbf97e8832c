// verify against llama.cpp's own server with right and wrong settings. LLAMA_SERVER is the folder of `llama-server` and
// its libraries, as `npm run bench:server -- --llama` takes it; without it nothing can run.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLlama } from '../../bench/server/start.ts';
import { ChatTemplate } from '../../src/chat/template.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { coarserModels } from '../../src/run/likenesses.ts';
import { loadModel } from '../../src/run/load.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { withLayerOrder } from '../../src/verify/layer-order.ts';
import { connectServer } from '../../src/verify/openai-probe.ts';
import { type VerifyReference, verifyServer } from '../../src/verify/verify.ts';
import { runCli } from '../support/run-cli.ts';
import { realCheckpoint, realWeights } from '../support/weights.ts';

const llama = process.env.LLAMA_SERVER;
if (!llama) console.warn('LLAMA_SERVER: expected the folder of llama-server, got none; nothing is run');

/** Positions for the text of 600 tokens; that of 2,000 takes a minute each on two cores. */
const CONTEXT = 768;
const folder = mkdtempSync(join(tmpdir(), 'smollm2-llama-server-'));
const exchanged = join(folder, 'exchanged.gguf');
const requantised = join(folder, 'q8_0.gguf');

/** One thread on either side: two that wait for each other lose most on a busy machine. */
const THREADS = 1;
const alone = { ...nodePlatform, spawn: undefined };
let reference: VerifyReference;

async function realReference(): Promise<VerifyReference> {
  const checkpoint = await realCheckpoint();
  const load = (from: typeof checkpoint) =>
    loadModel(from, { precision: 'precise', maxSeqLen: CONTEXT }, alone);
  const template = new ChatTemplate(checkpoint.chatTemplate ?? '', {});
  return {
    model: await load(checkpoint),
    tokenizer: Tokenizer.from(checkpoint.tokenizer!),
    render: async (messages) => template.render([...messages], { addGenerationPrompt: true }),
    withConfig: (change) => load({ ...checkpoint, config: { ...checkpoint.config, ...change } }),
    withLayers: (order) => load(withLayerOrder(checkpoint, order)),
    coarser: coarserModels(checkpoint, load, alone),
  };
}

beforeAll(async () => {
  if (!llama) return;
  reference = await realReference();
  copyFileSync(realWeights(), exchanged);
  writeFileSync(exchanged, withLayersExchanged(readFileSync(exchanged)));
  expect((await runCli(['quantize', realWeights(), requantised, '--type', 'q8_0'])).code).toBe(0);
});
afterAll(async () => {
  await reference?.model.close();
  rmSync(folder, { recursive: true });
});

/** Layers 14 and 15 under each other's names, in the header of a GGUF file. */
function withLayersExchanged(file: Buffer): Buffer {
  for (let at = file.indexOf('blk.1'); at >= 0 && at < 10_000_000; at = file.indexOf('blk.1', at + 1)) {
    const digit = file.toString('latin1', at + 5, at + 7);
    if (digit === '4.' || digit === '5.') file.write(digit === '4.' ? '5' : '4', at + 5, 'latin1');
  }
  return file;
}

async function verdictOn(path: string, flags: readonly string[]) {
  const server = await startLlama(llama ?? '', path, CONTEXT, 1, 'llama.cpp', THREADS, flags);
  try {
    return await verifyServer(await connectServer(`${server.url}/v1`, { fetch }), reference);
  } finally {
    server.stop();
  }
}

const kv = (what: string) => ['--override-kv', what];
const eps = kv('llama.attention.layer_norm_rms_epsilon=float:0.01');
const bos = kv('tokenizer.ggml.add_bos_token=bool:true');

describe.skipIf(!llama)('verify judges llama.cpp', () => {
  it.each<[string, string[], string?]>([
    ['as it is', []],
    ['with keys and values of 8 bits', ['-fa', 'on', '-ctk', 'q8_0', '-ctv', 'q8_0']],
    ['without flash attention', ['-fa', 'off']],
    ['with the file in Q8_0', [], requantised],
  ])('right: %s', async (_, flags, path = realWeights()) => {
    const { verdict, findings } = await verdictOn(path, flags);
    expect(verdict, findings.join('; ')).toMatch(/^right/);
  });

  it.each<[string, string, RegExp, string[], string?]>([
    ['theta', 'wrong-rope-theta', /rope theta 10000 fits/, ['--rope-freq-base', '10000']],
    ['half the angles', 'wrong-model', /linear rope scaling .* 2 fits/, ['--rope-freq-scale', '0.5']],
    ['eps', 'wrong-model', /rms_norm_eps 0.0\d+ fits/, eps],
    ['the template of Llama 2', 'wrong-template', /Llama 2/, ['--chat-template', 'llama2', '--no-jinja']],
    ['a begin-of-text token', 'wrong-tokenizer', /begin-of-text|behind a token/, bos],
    ['a repeat penalty', 'wrong-sampling', /temperature 0/, ['--repeat-penalty', '1.8']],
    ['layers 14 and 15 exchanged', 'wrong-model', /./, [], exchanged],
  ])('wrong: %s', async (_, wanted, finding, flags, path = realWeights()) => {
    const { verdict, findings } = await verdictOn(path, flags);
    expect([verdict, findings[0]]).toEqual([wanted, expect.stringMatching(finding)]);
  });
});
