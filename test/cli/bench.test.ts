import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let model: string;
beforeAll(() => {
  model = makeTinyFolder();
});
afterAll(() => rmSync(model, { recursive: true }));

async function bench(...args: string[]) {
  const { code, stdout, stderr } = await runCli(['bench', '--model', model, ...args]);
  return { code, stdout, stderr };
}

describe('smollm2 bench', () => {
  it.each(['reference', 'wasm'])(
    '--json of the %s engine: a line for each test and thread count',
    { tags: ['slow'] },
    async (engine) => {
      const threads = engine === 'wasm' ? [1, 2] : [1];
      const { code, stdout } = await bench(
        ...['--engine', engine, '-p', '20', '-n', '5', '-t', threads.join(), '-r', '3', '--json'],
      );
      expect(code).toBe(0);
      const { results, machine, engine: named } = JSON.parse(stdout);
      expect(
        results.map(({ test, tokens, threads }: Record<string, unknown>) => [test, tokens, threads]),
      ).toEqual(
        threads.flatMap((n) => [
          ['prefill', 20, n],
          ['decode', 5, n],
        ]),
      );
      for (const { tokensPerSecond, min, max } of results) {
        expect(min).toBeGreaterThan(0);
        expect(tokensPerSecond).toBeGreaterThanOrEqual(min);
        expect(max).toBeGreaterThanOrEqual(tokensPerSecond);
      }
      expect(machine).toContain(`Node ${process.versions.node}`);
      expect(named).toContain(engine);
    },
  );

  it('-p 0 and -n 0 leave a test out; the table has one line for each that is left', {
    tags: ['slow'],
  }, async () => {
    const { code, stdout } = await bench('-p', '0', '-n', '4', '-t', '1', '-r', '1');
    expect(code).toBe(0);
    expect(stdout.match(/^decode +4 +1 /gm)).toHaveLength(1);
    expect(stdout).not.toMatch(/^prefill/m);
  });

  it.each([
    [['-t', '1,x'], /^smollm2: --threads: expected whole numbers from 1 to 99 such as 1,2,4, got "1,x"$/],
    [['-r', '0'], /--repetitions: expected a whole number of at least 1, got 0/],
    [['-p', '500'], /expected at most 128/],
  ])('%j ends in one line on stderr', async (args, message) => {
    const { code, stdout, stderr } = await bench(...args, '--json');
    expect({ code, stdout }).toEqual({ code: stderr.includes('smollm2: --') ? 2 : 1, stdout: '' });
    expect(stderr.trim()).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
