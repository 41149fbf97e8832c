import { describe, expect, it } from 'vitest';
import { run, snippets } from './support/snippets.ts';

describe('the code blocks of the documents', () => {
  it('exist', () => {
    expect(snippets().length).toBeGreaterThan(10);
  });

  it.concurrent.each(snippets().filter(({ slow }) => !slow))('$place runs', async (snippet) => {
    await run(snippet);
  });
});
