import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/run-cli.ts';

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

describe('the lines that run', () => {
  const lines = [...guide.matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '')),
  );
  /** Blocks that are named as files. */
  const files = [...guide.matchAll(/^```\w+ (\S+\.\w+)\n([\s\S]*?)^```$/gm)];
  const before = process.cwd();
  let folder: string;
  let env: NodeJS.ProcessEnv;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'smollm2-guide-'));
    env = { HF_HOME: folder, SMOLLM2_CACHE: folder, HF_HUB_OFFLINE: '1' };
    const write = (name: string, text: string) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    for (const [, name, text] of files) write(name, text);
    write('tales.txt', 'Once upon a time there was a king who had three sons. '.repeat(40));
    const page = (n: number) => ({
      id: `${n}`,
      text: `King ${n} had three sons. One of them saw the world.`,
      label: n % 2,
    });
    const pages = Array.from({ length: 12 }, (_, n) => `${JSON.stringify(page(n))}\n`).join('');
    for (const name of ['pages.jsonl', 'tales.jsonl']) write(name, pages);
    const row = { goal: 'To dry a shirt', sol1: 'hang it in the sun.', sol2: 'freeze it.', label: 0 };
    write('rows/piqa.validation.jsonl', `${JSON.stringify(row)}\n`);
    write('hub/models--owner--name/snapshots/c0/model.safetensors', 'weights');
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it.each(lines)('%s', { tags: ['slow'] }, async (line) => {
    const [, said = '', command, from, inBackground] =
      /^(?:echo "(.*)" \| )?(smollm2 .*?)(?: < (\S+))?( &)?$/.exec(line)!;
    const [, ...words] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain,
    );
    if (inBackground) return servesUntilStopped(words, env);
    const { code, stderr } = await runCli(words, from ? readFileSync(from, 'utf8') : said, env);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('have every command among them', { tags: ['slow'] }, async () => {
    const { stdout } = await runCli(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) .* {2,}\S/gm)].map(([, command]) => command);
    expect(commands.length).toBeGreaterThan(30);
    const run = new Set(lines.map((line) => /smollm2 (\S+)/.exec(line)?.[1]));
    expect(commands.filter((command) => !run.has(command))).toEqual([]);
  });
});

/** Starts a server, asks whether it is well, and stops it as Ctrl-C does. */
async function servesUntilStopped(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const server = startCli(words, env);
  const ended = once(server, 'close');
  let said = '';
  for await (const piece of server.stderr) {
    said += piece;
    const url = /^ready: (http:\S+)\/v1/m.exec(said)?.[1];
    if (!url) continue;
    // A moment may pass between this line and the first answer.
    while ((await fetch(`${url}/health`)).status === 503) await sleep(20);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    server.kill('SIGINT');
    break;
  }
  server.stderr.resume();
  const [code] = await ended;
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('ready') });
}
