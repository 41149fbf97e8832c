// diff on what llama.cpp prints for the real Q4_1 file: test/golden/llama.cpp/135m-q4_1.eval-callback.txt.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { goldenPath } from '../support/goldens.ts';
import { runCli } from '../support/run-cli.ts';
import { realWeights } from '../support/weights.ts';

it('the text of llama.cpp on the Q4_1 file: 8-bit activations are the first cause, of their real size', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-eval-callback-'));
  try {
    const reference = join(folder, 'reference.safetensors');
    const model = ['--model', realWeights()];
    const ids = ['--ids', '504,2644,2643', '--engine', 'reference', '--out', reference];
    expect((await runCli(['trace', ...model, ...ids])).code).toBe(0);
    const text = goldenPath('llama.cpp/135m-q4_1.eval-callback.txt');
    const { code, stdout } = await runCli(['diff', reference, text, ...model, '--json']);
    const report = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(report).toMatchObject({ first: 'model.layers.0.self_attn.q_proj' });
    // Nearest, and no more: llama.cpp's own rounding of the scales leaves a little over.
    expect(report.candidates[0]).toMatchObject({ cause: 'activations-int8' });
    expect(report.candidates[0].fit).toBeGreaterThan(0.9);
    expect(report.notes.join()).toMatch(/last 1 of 3 rows.*interleaved/);
    const byName = new Map(report.points.map((point: { name: string }) => [point.name, point]));
    expect(byName.get('model.embed_tokens')).toMatchObject({ explained: true });
    expect(byName.get('model.layers.0.input_layernorm')).toMatchObject({ explained: true });
    // One of 127 levels of a block of 32, over 576 products: hundreds of times what float32 explains.
    const first = byName.get('model.layers.0.self_attn.q_proj') as { maxAbs: number; ratio: number };
    expect(first.maxAbs).toBeGreaterThan(1e-3);
    expect(first.maxAbs).toBeLessThan(0.1);
    expect(byName.has('lm_head')).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
