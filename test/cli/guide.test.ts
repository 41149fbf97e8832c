import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
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
