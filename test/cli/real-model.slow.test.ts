import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { goldenJson, goldenPath } from '../support/goldens.ts';
import { ended, runCli, startCli } from '../support/run-cli.ts';
import { realWeights } from '../support/weights.ts';

const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('smollm2 on SmolLM2-135M-Instruct', () => {
  it('continues "The cat sat on the" with the 12 greedy ids of float64 transformers', async () => {
    const { text, greedy48 } = goldenJson('real-135m-instruct/five-tokens.json');
    const options = ['--raw', text, '-n', '12', '--ignore-eos', '--json', '--engine', 'reference'];
    const { stdout } = await runCli(['generate', '--model', realWeights(), ...options]);
    expect(JSON.parse(stdout).ids).toEqual(greedy48.ids.slice(0, 12));
  });

  it('tokenizes every golden string as HF does, one JSON string per line', async () => {
    const { cases } = goldenJson('tokenizer/strings.json');
    const input = cases.map((one: { text: string }) => JSON.stringify(one.text)).join('\n');
    const { stdout } = await runCli(['tokenize', '--model', realWeights(), '--jsonl'], input);
    const results = jsonLines(stdout);
    expect(results).toHaveLength(cases.length);
    for (const [i, { text, ids }] of cases.entries()) expect(results[i]).toEqual({ text, ids });
  });

  it('renders every golden conversation as transformers does', async () => {
    const { cases } = goldenJson('chat/conversations.json');
    const input = cases.map((one: object) => JSON.stringify(one)).join('\n');
    const { stdout } = await runCli(['tokenize', '--model', realWeights(), '--jsonl', '--chat'], input);
    const results = jsonLines(stdout);
    expect(results).toHaveLength(cases.length);
    for (const [i, { text, ids, messages }] of cases.entries()) {
      expect(results[i].text).toBe(text);
      // transformers reads special tokens that a message contains as tokens: a forged turn. Here they are text.
      const isForged = messages.some(({ content }: { content: string }) =>
        /<\|(im_start|im_end|endoftext)\|>/.test(content),
      );
      if (isForged) expect(results[i].ids.length).toBeGreaterThan(ids.length);
      else expect(results[i].ids).toEqual(ids);
    }
  });

  it('stops at Ctrl-C after the first word with code 130, and says how fast it was', async () => {
    const options = ['--engine', 'reference', '-n', '400', '--ignore-eos'];
    const child = startCli(['generate', '--model', realWeights(), 'What is gravity?', ...options]);
    child.stdin.end();
    const end = ended(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGINT');
    const { code, stdout, stderr } = await end;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^Gra.*\n$/);
    expect(stderr).toMatch(/tokens\/s/);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it('stops at Ctrl-C in the middle of a prompt of 974 tokens', async () => {
    const prompt = goldenPath('real-135m-instruct/long.json');
    const child = startCli([
      'generate',
      '--model',
      realWeights(),
      '--engine',
      'reference',
      '--raw',
      '--debug',
    ]);
    child.stdin.end(JSON.parse(readFileSync(prompt, 'utf8')).text);
    const end = ended(child);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    child.kill('SIGINT');
    expect(await end).toMatchObject({ code: 130, stdout: '\n' });
  });
});
