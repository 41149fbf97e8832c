import { beforeAll, describe, expect, it } from 'vitest';
import { runTogether, snippets } from './support/snippets.ts';

const fast = snippets().filter(({ slow }) => !slow);

describe('the code blocks of the documents', { tags: ['slow'] }, () => {
  let errors: Awaited<ReturnType<typeof runTogether>>;
  beforeAll(async () => {
    errors = await runTogether(fast);
  });

  it('exist', () => {
    expect(fast.length).toBeGreaterThan(10);
  });

  it.each(fast)('$place runs', ({ place }) => {
    expect(errors.get(place)).toBeUndefined();
  });

  it('are told when they fail, or end the process', async () => {
    const blocks = ['throw new Error("no");', 'export {};', 'process.exit(0);', 'export {};'];
    const odd = blocks.map((code, n) => ({ place: `odd ${n}`, code, slow: false }));
    const found = [...(await runTogether(odd)).values()];
    expect(found[0]).toContain('Error: no');
    expect(found.slice(1)).toEqual([undefined, 'ended the process', 'ended the process']);
  });
});
