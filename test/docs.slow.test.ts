import { describe, it } from 'vitest';
import { run, snippets } from './support/snippets.ts';
import { realWeights } from './support/weights.ts';

describe('the code blocks of the documents that need the real weights', () => {
  it.each(snippets().filter(({ slow }) => slow))(
    '$place runs',
    async (snippet) => {
      realWeights();
      await run(snippet);
    },
    300_000,
  );
});
