import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { JUDGE_PROMPTS } from '../../../src/data/score/judge-prompts.ts';
import { openJudge } from '../../../src/node/curate/judge.ts';

const folder = mkdtempSync(join(tmpdir(), 'smollm2-judge-'));
afterAll(() => rmSync(folder, { recursive: true }));

function saying(answers: readonly string[]) {
  const asked: string[] = [];
  const post = async (_: string, body: Readonly<Record<string, unknown>>) => {
    asked.push((body.messages as { content: string }[])[0].content);
    return { choices: [{ message: { content: answers[asked.length - 1] } }] };
  };
  return { asked, post };
}

describe('openJudge', () => {
  it('reads points, says where there are none, and asks for a text once', async () => {
    const { asked, post } = saying(['Good. Final score: 4', 'I cannot say.']);
    const cachePath = join(folder, 'answers.jsonl');
    const judge = { ...JUDGE_PROMPTS.finemath, model: 'm', post, cachePath };
    const first = openJudge(judge);
    expect((await first('Two and two, $& and all')).score).toBe(4);
    expect((await first('Nothing')).score).toBeNull();
    // Text is put in as it is: `$&` means nothing.
    expect(asked[0]).toContain('Two and two, $& and all');
    // Another run, after a kill in the middle of a line.
    appendFileSync(cachePath, '{"key":"ab');
    const again = openJudge(judge);
    expect(await again('Two and two, $& and all')).toMatchObject({ score: 4, isCached: true });
    expect(await again('Nothing')).toMatchObject({ score: null, isCached: true });
    expect(asked).toHaveLength(2);
    expect(readFileSync(cachePath, 'utf8').split('\n')).toHaveLength(3);
  });

  it('takes another model or prompt for another question', async () => {
    const { asked, post } = saying(['Final score: 1', 'Final score: 2', 'Educational score: 3']);
    const cachePath = join(folder, 'others.jsonl');
    const ask = (model: string, name: string) =>
      openJudge({ ...JUDGE_PROMPTS[name], model, post, cachePath })('A text');
    expect((await ask('a', 'finemath')).score).toBe(1);
    expect((await ask('b', 'finemath')).score).toBe(2);
    expect((await ask('a', 'stack-edu')).score).toBe(3);
    expect(asked).toHaveLength(3);
  });

  it('refuses more points than there are, and an answer of another shape', async () => {
    const many = openJudge({
      ...JUDGE_PROMPTS['finemath-3'],
      model: 'm',
      post: saying(['Final score: 5']).post,
    });
    expect((await many('x')).score).toBeNull();
    const odd = openJudge({ ...JUDGE_PROMPTS.finemath, model: 'm', post: async () => ({ error: 'no' }) });
    await expect(odd('x')).rejects.toThrow(/expected choices/);
  });
});
