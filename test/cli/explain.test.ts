import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

describe('smollm2 explain', () => {
  it('shows tokens, one head, layers and what comes next', async () => {
    const { code, stdout } = await runCli([
      'explain',
      'Shall I compare thee',
      '--model',
      'nano',
      '--head',
      '2.1',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('layer 2 head 1: where ');
    expect(stdout.split('\n').filter((line) => line.endsWith('%')).length).toBeGreaterThanOrEqual(12);
  });

  it('refuses a head that is not there, and a text that is too long', { tags: ['slow'] }, async () => {
    const head = await runCli(['explain', 'Shall I', '--model', 'nano', '--head', '9.0']);
    expect(head.stderr).toContain('--head: expected layer.head up to 3.3, got 9.0');
    const long = await runCli(['lens', 'word '.repeat(200), '--model', 'nano']);
    expect(long.stderr).toContain('expected 1 to 64 tokens');
  });
});

describe('smollm2 lens', () => {
  it('has a line for the embedding and one for each layer', { tags: ['slow'] }, async () => {
    const { stdout } = await runCli(['lens', 'Shall I compare thee', '--model', 'nano']);
    expect(stdout.trimEnd().split('\n').length).toBe(5);
    expect(stdout).toMatch(/^ {2}embedding/);
  });
});
