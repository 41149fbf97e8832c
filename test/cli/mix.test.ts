import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-mix-'));
  const lines = (name: string, n: number) =>
    Array.from(
      { length: n },
      (_, i) => `${JSON.stringify({ id: `${name}${i}`, text: 'x'.repeat(10) })}\n`,
    ).join('');
  writeFileSync(join(folder, 'web.jsonl'), lines('web', 100));
  writeFileSync(join(folder, 'code.jsonl'), lines('code', 10));
  const source = (name: string, rest: string) =>
    `  ${name}: { path: ${JSON.stringify(join(folder, `${name}.jsonl`))}, ${rest} }\n`;
  writeFileSync(
    join(folder, 'mix.yaml'),
    `total: 1000\nmaxEpochs: 2\nsources:\n${source('web', 'rate: 0.5')}${source('code', 'rate: 0.5')}`,
  );
});
afterAll(() => {
  for (const path of [folder, `${folder}-moved`]) rmSync(path, { recursive: true, force: true });
});

describe('smollm2 mix', () => {
  it('draws by rates, repeats up to maxEpochs, says where that was too little, and does the same again', {
    tags: ['slow'],
  }, async () => {
    const args = ['mix', join(folder, 'mix.yaml'), '--json', '--out'];
    const first = await runCli([...args, join(folder, 'a')]);
    expect(first.code).toBe(0);
    expect(first.stderr).toContain('code: 5.0 epochs were asked for, 2.0 are drawn');
    const { sources } = JSON.parse(first.stdout);
    expect(sources[1]).toMatchObject({ name: 'code', epochs: 2, numDocuments: 20, isLimited: true });
    // 100 documents at one half: a standard deviation is 5.
    expect(Math.abs(sources[0].numDocuments - 50)).toBeLessThan(25);
    await runCli([...args, join(folder, 'b')]);
    const bytes = (name: string) =>
      gunzipSync(readFileSync(join(folder, name, 'mixture.jsonl.gz'))).toString();
    expect(bytes('b')).toBe(bytes('a'));
    // The same files in another folder: what is drawn does not hang on where they lie.
    cpSync(folder, `${folder}-moved`, { recursive: true });
    const moved = readFileSync(join(folder, 'mix.yaml'), 'utf8').replaceAll(folder, `${folder}-moved`);
    writeFileSync(join(`${folder}-moved`, 'mix.yaml'), moved);
    await runCli(['mix', join(`${folder}-moved`, 'mix.yaml'), '--out', join(folder, 'd')]);
    expect(bytes('d')).toBe(bytes('a'));
    const rows = bytes('a')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.filter(({ id }) => id === 'code3')).toHaveLength(2);
    expect(rows[0]).toHaveProperty('source');
    // Mixed all along: the first half of the output has the shares of the whole.
    const half = rows.slice(0, rows.length / 2).filter(({ source }) => source === 'code').length;
    expect(Math.abs(half - 10)).toBeLessThan(3);
  });

  it('names what is wrong with a mixture', async () => {
    writeFileSync(join(folder, 'bad.yaml'), 'sources: { a: { path: x } }');
    const { code, stderr } = await runCli(['mix', join(folder, 'bad.yaml'), '--out', join(folder, 'c')]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('sources.a: expected either a rate'),
    });
    expect((await runCli(['mix', join(folder, 'mix.yaml')])).code).toBe(2);
  });
});
