import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let model: string;
let folder: string;
beforeAll(() => {
  model = makeTinyFolder();
  folder = mkdtempSync(join(tmpdir(), 'smollm2-form-'));
});
afterAll(() => {
  rmSync(model, { recursive: true });
  rmSync(folder, { recursive: true });
});

const generate = (...args: string[]) =>
  runCli([
    'generate',
    '--model',
    model,
    '--engine',
    'reference',
    '--raw',
    'Ships',
    '--max-tokens',
    '40',
    ...args,
  ]);

describe('smollm2 generate', () => {
  it('--json-schema takes a file or JSON', { tags: ['slow'] }, async () => {
    // The tiny vocabulary has no closing brace.
    const schema = '{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2}';
    const path = join(folder, 'schema.json');
    writeFileSync(path, schema);
    for (const given of [schema, path]) {
      const { code, stdout } = await generate('--json-schema', given);
      expect(code).toBe(0);
      expect((JSON.parse(stdout) as number[]).map(Number.isInteger)).toEqual([true, true]);
    }
  });

  it('--grammar takes a file, --regex a pattern', { tags: ['slow'] }, async () => {
    const path = join(folder, 'sum.gbnf');
    writeFileSync(path, 'root ::= [1-9] ("+" [1-9])*\n');
    expect((await generate('--grammar', path)).stdout.trim()).toMatch(/^[1-9](\+[1-9])*$/);
    expect((await generate('--regex', 'yes|no')).stdout.trim()).toMatch(/^(yes|no)$/);
  });

  it('names what is wrong and ends with 2 for usage, 1 for a form that cannot be', {
    tags: ['slow'],
  }, async () => {
    const several = await generate('--regex', 'a', '--json-schema', 'true');
    expect([several.code, several.stderr]).toEqual([2, expect.stringContaining('expected one of them')]);
    const missing = await generate('--grammar', join(folder, 'none.gbnf'));
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('none.gbnf')]);
    const refused = await generate('--json-schema', '{"items":{"format":"iri"}}');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('#/items/format: format iri is not supported');
  });
});
