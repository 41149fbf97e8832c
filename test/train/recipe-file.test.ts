import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRecipeFile } from '../../src/node/train/recipe-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'smollm2-recipe-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string | Uint8Array, name = 'r.yaml') {
  writeFileSync(join(folder, name), content);
  return readRecipeFile(join(folder, name));
}

const SFT = 'model_name_or_path: m\ndataset_name: d\n';

describe('a recipe file', () => {
  it('is yaml as PyYAML reads it, or JSON', async () => {
    const yaml = `${SFT}bf16: yes\nlearning_rate: 1e-3 # a text for PyYAML\nseed: 4_2\n<<: {warmup_ratio: 0.1}\n`;
    const { recipe, parsed } = await read(yaml);
    expect(recipe).toMatchObject({ kind: 'sft', learningRate: 1e-3, seed: 42, warmupRatio: 0.1 });
    expect(parsed).toMatchObject({ bf16: true });
    const json = await read(JSON.stringify({ model_name_or_path: 'm', dataset_name: 'd' }), 'r.json');
    expect(json.recipe).toMatchObject({ kind: 'sft', startFrom: 'm' });
  });

  it('that is no yaml is refused with line and column', async () => {
    await expect(read(`${SFT}seed: [1, 2\n`)).rejects.toThrow(/r\.yaml: expected yaml: .*line 4, column 1/);
    await expect(read(`${SFT}dataset_name: twice\n`)).rejects.toThrow(
      /Map keys must be unique at line 3, column 1/,
    );
    await expect(read('- a\n')).rejects.toThrow('expected a mapping of keys, got ["a"]');
    await expect(read(Uint8Array.of(0x61, 0xff))).rejects.toThrow('expected text in UTF-8');
    await expect(read('a'.repeat(2 ** 20 + 1))).rejects.toThrow('expected at most 1048576 bytes');
    await expect(readRecipeFile(join(folder, 'nowhere.yaml'))).rejects.toThrow(
      'expected a recipe that can be read',
    );
  });

  it('that unfolds without end is refused', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`,
    );
    await expect(read(`l0: &l0 [a]\n${levels.join('\n')}\n`)).rejects.toThrow(/expected yaml: .*alias/i);
  });
});
