import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../support/run-cli.ts';

let folder: string;
let recipe: string;
const words = 'the of and to in that was his he it with is for as had you not be her on'.split(' ');
/** Sentences of a small language, and noise over the same letters. */
const sentence = (n: number) => Array.from({ length: 12 }, (_, i) => words[(n * 7 + i * i) % 20]).join(' ');
const noise = (n: number) =>
  Array.from({ length: 50 }, (_, i) => String.fromCharCode(33 + ((n * 31 + i * i * 17) % 90))).join('');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-ablate-'));
  const write = (name: string, text: (n: number) => string, count: number) =>
    writeFileSync(
      join(folder, `${name}.jsonl`),
      Array.from({ length: count }, (_, i) => `${JSON.stringify({ id: i, text: text(i) })}\n`).join(''),
    );
  write('tales', sentence, 400);
  write('noise', noise, 400);
  write('held-out', (n) => sentence(n + 1000), 20);
  recipe = join(folder, 'stage.yaml');
  writeFileSync(
    recipe,
    `# Rates of the first stage.
total: 1000
sources:
  tales: { path: ${JSON.stringify(join(folder, 'tales.jsonl'))}, rate: 0.5 }
  noise: { path: ${JSON.stringify(join(folder, 'noise.jsonl'))}, rate: 0.5 } # half of it
ablate:
  domains: { clean: ${JSON.stringify(join(folder, 'held-out.jsonl'))} }
  tokens: 4096
  hiddenSize: 32
  numLayers: 1
  sequenceLength: 32
  learningRate: 0.02
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('smollm2 ablate', () => {
  it('writes the next recipe, the way back, reasons and every run; resumes; threads change nothing', async () => {
    const out = join(folder, 'out');
    const { code, stdout, stderr } = await runCli([
      'ablate',
      recipe,
      '--out',
      out,
      '--json',
      '--threads',
      '1',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('next.yaml') });
    const decision = JSON.parse(stdout);
    expect(decision.isChanged).toBe(true);
    expect(decision.next.tales).toBeGreaterThan(0.5);
    expect(decision.gain).toBeGreaterThan(2 * decision.spread);
    expect(decision.reasons[0]).toMatch(/^tales raised/);
    const next = readFileSync(join(out, 'next.yaml'), 'utf8');
    expect(parse(next).sources.tales.rate).toBeCloseTo(decision.next.tales, 4);
    expect(next).toContain('# half of it');
    expect(readFileSync(join(out, 'before.yaml'), 'utf8')).toBe(readFileSync(recipe, 'utf8'));
    // Present, two a source, three draws; two seeds; then the proposal and the present again.
    const lines = readFileSync(join(out, 'runs.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(2 * 8 + 4);
    // A run that was killed in the middle of a line goes on, on two threads, and comes to the same.
    writeFileSync(join(out, 'runs.jsonl'), `${lines.slice(0, 5).join('\n')}\n${lines[5].slice(0, 20)}`);
    const again = await runCli(['ablate', recipe, '--out', out, '--json', '--threads', '2']);
    expect({ ...JSON.parse(again.stdout), seconds: 0 }).toEqual({ ...decision, seconds: 0 });
  });

  it('names what is wrong with a recipe, and what is missing', async () => {
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, 'total: 1\nsources: { a: { path: x, rate: 1 }, b: { path: y, rate: 1 } }');
    const { code, stderr } = await runCli(['ablate', bad, '--out', join(folder, 'no')]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('section with domains') });
    expect((await runCli(['ablate', bad])).code).toBe(2);
    expect((await runCli(['ablate', join(folder, 'none.yaml'), '--out', folder])).code).toBe(1);
  });
});
