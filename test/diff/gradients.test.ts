import { describe, expect, it } from 'vitest';
import { diffGradients } from '../../src/diff/gradients.ts';
import { SafetensorsFile, writeSafetensors } from '../../src/format/safetensors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { goldenTensors } from '../support/golden-tensors.ts';

/** The gradients of gqa in float32, changed. */
async function file(change: (name: string, values: Float32Array) => Float32Array = (_, values) => values) {
  const golden = await goldenTensors('tiny/gqa/grads.f64.safetensors');
  const tensors = Array.from(golden.values(), ({ name, shape, values }) => ({
    name,
    shape,
    values: change(name, Float32Array.from(values)),
  }));
  return SafetensorsFile.open(bytesSource('grads', writeSafetensors(tensors, { loss: '1' })));
}

describe('diffGradients', () => {
  it('clears what is off by rounding', async () => {
    const noisy = await file((_, values) => values.map((value) => value * (1 + 2 ** -22)));
    expect((await diffGradients(await file(), noisy)).verdict).toMatch(/^right/);
  });

  it('names the wrong parameter that a backward pass reaches first', async () => {
    const wrong = ['model.layers.0.mlp.up_proj.weight', 'model.layers.1.self_attn.v_proj.weight'];
    const candidate = await file((name, values) =>
      wrong.includes(name) ? values.map((value, i) => (i % 7 === 0 ? -value : value)) : values,
    );
    const { firstWrong } = await diffGradients(await file(), candidate);
    expect(firstWrong?.name).toBe('model.layers.1.self_attn.v_proj.weight');
  });

  it('says that all are a multiple, where a sum stands for a mean', async () => {
    const summed = await file((_, values) => values.map((value) => 35 * value));
    const { verdict } = await diffGradients(await file(), summed);
    expect(verdict).toMatch(/all gradients are 35\.0000 times the reference's \(a sum instead of a mean/);
  });

  it('refuses a reference without gradients', async () => {
    const none = await SafetensorsFile.open(bytesSource('none', writeSafetensors([], { loss: '1' })));
    await expect(diffGradients(none, none)).rejects.toThrow('none: expected gradients, got none');
  });

  it('refuses a file that lacks a parameter', async () => {
    const short = await SafetensorsFile.open(
      bytesSource('short', writeSafetensors([{ name: 'a.weight', shape: [1], values: new Float32Array(1) }])),
    );
    await expect(diffGradients(await file(), short)).rejects.toThrow(/expected a gradient \[32\], got none/);
  });
});
