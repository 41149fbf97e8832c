import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

const stage = (args: string[], lines: unknown[]) =>
  runCli(
    ['curate', 'stage', ...args, '--jsonl'],
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );
const parsed = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('smollm2 curate stage', () => {
  it('answers each line with one, in order: id, reason or null, and the text where it changed', async () => {
    const { code, stdout, stderr } = await stage(
      ['c4-quality', '--min-num-sentences', '1'],
      [
        { id: 'kept', text: 'One line that stays here.' },
        { id: 'edited', text: 'Menu\nOne line that stays here.', metadata: { url: 'https://example.org' } },
        { id: 7, text: 'Lorem ipsum comes here, as it does.' },
        { text: 'A line\u2028separator.' },
      ],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parsed(stdout)).toEqual([
      { id: 'kept', removed: null },
      { id: 'edited', removed: null, text: 'One line that stays here.' },
      { id: '7', removed: 'lorem_ipsum' },
      { id: '3', removed: 'too_few_sentences', because: '0 sentences left' },
    ]);
  });

  it('words prints the words and the number of sentences', async () => {
    const { stdout } = await stage(['words'], [{ id: 'a', text: "Don't (e.g.) stop. Go!" }]);
    expect(parsed(stdout)).toEqual([
      {
        id: 'a',
        removed: null,
        words: ['Do', "n't", '(', 'e.g.', ')', 'stop', '.', 'Go', '!'],
        num_sentences: 2,
      },
    ]);
  });

  it('takes options by the names of the stage, lists with commas, null for a rule that is off', async () => {
    const { stdout } = await stage(
      ['gopher-quality', '--min-doc-words', '2', '--min-avg-word-length', 'null', '--stop-words', 'ab,cd'],
      [{ id: 'a', text: 'ab cd' }],
    );
    expect(parsed(stdout)).toEqual([{ id: 'a', removed: null }]);
    const wrong = await stage(['gopher-quality', '--min-doc-words', 'two'], []);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--min-doc-words: expected a number'),
    });
    const unknown = await stage(['gopher-quality', '--min-doc-word', '2'], []);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean --min-doc-words?'),
    });
    const help = await runCli(['curate', 'stage', 'gopher-quality', '--help']);
    expect(help.stdout).toContain('--min-doc-words <n>');
  });

  it.each([
    ['no JSON', '{"id": "b", "text": '],
    ['no object', '["a"]'],
    ['no text', '{"id": "b"}'],
    ['an empty line', ''],
  ])('%s ends it with exit code 1 and the number of the line, after the answers before', async (_, bad) => {
    const { code, stdout, stderr } = await stage(['pii'], [{ id: 'a', text: 'x' }, bad, { text: 'y' }]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '{"id":"a","removed":null}\n' });
    expect(stderr).toMatch(/^smollm2: stdin:2/);
  });

  it('--bad-lines keep answers a malformed line with a removal', async () => {
    const { code, stdout } = await stage(['pii', '--bad-lines', 'keep'], ['{', { id: 'a', text: 'x' }]);
    expect(code).toBe(0);
    expect(parsed(stdout)).toMatchObject([
      { id: null, removed: 'bad_line' },
      { id: 'a', removed: null },
    ]);
  });

  it('names the stage that was meant', async () => {
    const { code, stderr } = await stage(['gopher-qualty'], []);
    expect(code).toBe(1);
    expect(stderr).toContain('did you mean gopher-quality?');
  });
});
