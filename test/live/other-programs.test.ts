// diff and verify against llama.cpp and transformers as they are installed. Which Python has them is said by
// LLAMA_CPP_PYTHON and TRANSFORMERS_PYTHON (python3 by default); a part whose program is absent is skipped
// and says so.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { realWeights } from '../support/weights.ts';

const IDS = '504,2644,2643,335,260';
const llamaPython = process.env.LLAMA_CPP_PYTHON ?? 'python3';
const torchPython = process.env.TRANSFORMERS_PYTHON ?? 'python3';

function has(python: string, modules: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${modules}`], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`${python} has no ${modules}: these tests are skipped`);
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'smollm2-live-'));
const reference = join(folder, 'reference.safetensors');
beforeAll(async () => {
  const flags = ['--model', realWeights(), '--ids', IDS, '--engine', 'reference', '--out', reference];
  expect((await runCli(['trace', ...flags])).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function diffJson(candidate: string, ...flags: string[]) {
  const { stdout } = await runCli([
    'diff',
    reference,
    candidate,
    '--model',
    realWeights(),
    '--json',
    ...flags,
  ]);
  const { first, cause, points, notes } = JSON.parse(stdout);
  return { first, cause, numPoints: points.length, notes: notes.join() };
}

describe.skipIf(!has(torchPython, 'torch, transformers, gguf, safetensors'))('transformers', () => {
  it.each(['float32', 'bfloat16', 'float16'])('in %s: all 483 points are explained', async (dtype) => {
    const out = join(folder, `${dtype}.safetensors`);
    const script = 'examples/dump/transformers_trace.py';
    execFileSync(torchPython, [script, realWeights(), out, '--ids', IDS, '--dtype', dtype], {
      stdio: 'ignore',
    });
    expect(await diffJson(out)).toMatchObject({ first: null, cause: null, numPoints: 483 });
  });
});

describe.skipIf(!has(llamaPython, 'llama_cpp, numpy'))('llama.cpp', () => {
  it('on the Q4_1 file: 8-bit activations first, then a cache in f16, and nothing else in 483 points', async () => {
    const out = join(folder, 'llama.npz');
    const script = 'examples/dump/llama_cpp_trace.py';
    execFileSync(llamaPython, [script, realWeights(), out, '--ids', IDS], { stdio: 'ignore' });
    const plain = await diffJson(out);
    expect(plain).toMatchObject({ first: 'model.layers.0.self_attn.q_proj', cause: 'activations-int8' });
    expect(plain.notes).toContain('interleaved');
    const known = ['--accept', 'activations-int8'];
    expect(await diffJson(out, ...known)).toMatchObject({ cause: 'kv-cache-rounding' });
    expect(await diffJson(out, ...known, '--accept', 'kv-cache-rounding')).toMatchObject({
      first: null,
      numPoints: 483,
    });
  });
});

describe.skipIf(!has(llamaPython, 'llama_cpp.server'))(
  'verify against a llama.cpp server with the same file',
  () => {
    const servers: ChildProcess[] = [];
    afterAll(() => {
      for (const server of servers) server.kill();
    });

    /** Starts a server and asks for the verdict on it. */
    async function verdictOn(port: number, ...flags: string[]) {
      const args = [
        '-m',
        'llama_cpp.server',
        '--model',
        realWeights(),
        '--port',
        String(port),
        '--n_ctx',
        '2048',
      ];
      const server = spawn(llamaPython, [...args, '--logits_all', 'true', ...flags], { stdio: 'ignore' });
      servers.push(server);
      const url = `http://127.0.0.1:${port}/v1`;
      for (let n = 0; n < 120; n++) {
        const isUp = await fetch(`${url}/models`).then(
          (reply) => reply.ok,
          () => false,
        );
        if (isUp) break;
        await sleep(500);
      }
      const { code, stdout } = await runCli(['verify', '--url', url, '--model', realWeights(), '--json']);
      server.kill();
      return { code, ...JSON.parse(stdout) };
    }

    it('right model, template and tokenizer, with the noise of 8-bit activations: ln p off by 0.05 to 0.3', async () => {
      const report = await verdictOn(18_181);
      expect([report.code, report.verdict]).toEqual([0, 'right-quantised']);
      expect(report.texts.rms).toBeGreaterThan(0.05);
      expect(report.texts.rms).toBeLessThan(0.3);
    });

    it('another rope theta is named', async () => {
      const report = await verdictOn(18_182, '--rope_freq_base', '10000');
      expect([report.code, report.verdict]).toEqual([1, 'wrong-rope-theta']);
      expect(report.findings[0]).toContain('rope theta 10000 fits');
    });

    it('another template is named', async () => {
      const report = await verdictOn(18_183, '--chat_format', 'llama-2');
      expect([report.code, report.verdict]).toEqual([1, 'wrong-template']);
      expect(report.findings[0]).toContain('Llama 2');
    });
  },
);
