import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

const guide = readFileSync(new URL('../../docs/guides/cli.md', import.meta.url), 'utf8');
const sections = [...guide.matchAll(/^## smollm2 (\w+)\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm)];

describe('docs/guides/cli.md', () => {
  it('has a section for each of the first five commands', () => {
    const commands = sections.map(([, command]) => command);
    expect(commands).toEqual(expect.arrayContaining(['generate', 'chat', 'tokenize', 'inspect', 'trace']));
  });

  it.each(sections.map(([, command, text]) => ({ command, text })))(
    'names options of $command that its --help has',
    async ({ command, text }) => {
      const { stdout } = await runCli([command, '--help']);
      const named = new Set(text.match(/--[a-z][a-z-]*/g));
      expect([...named].filter((option) => !stdout.includes(option))).toEqual([]);
    },
  );
});

describe('the lines that run on the nano model', () => {
  const block = /^```sh run\n([\s\S]*?)^```$/m.exec(guide)![1];
  const lines = block
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, ''));
  const before = process.cwd();
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'smollm2-guide-'));
    writeFileSync(
      join(folder, 'tales.txt'),
      'Once upon a time there was a king who had three sons. '.repeat(40),
    );
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it.each(lines)('%s', async (line) => {
    const [program, ...words] = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain,
    );
    expect(program).toBe('smollm2');
    const env = { HF_HOME: folder, SMOLLM2_CACHE: folder, HF_HUB_OFFLINE: '1' };
    const { code, stderr } = await runCli(words, '', env);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('and the sections and links of the page name every command', async () => {
    const { stdout } = await runCli(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) .* {2,}\S/gm)].map(([, command]) => command);
    expect(commands.length).toBeGreaterThan(25);
    const named = (command: string) => new RegExp(`smollm2 [a-z, ]*${command}\\b|\`${command}\``).test(guide);
    expect(commands.filter((command) => !named(command))).toEqual([]);
  });
});
