// The model in the package: it is there, it is small, and it has learned.

import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findWeights } from '../../src/node/find-weights.ts';
import { load } from '../../src/node/index.ts';

it('--model nano is a file of the package of at most 2.2 MB', async () => {
  const { kind, path } = await findWeights('nano');
  expect(kind).toBe('gguf');
  expect(statSync(path).size).toBeLessThan(2_200_000);
});

it('the nano model finds a line of Hamlet likelier than the same words in another order', {
  tags: ['slow'],
}, async () => {
  const nano = await load('nano', { threads: 1 });
  const [line, turned] = await nano.score([
    'To be, or not to be: that is the question',
    'question the is that: be to not or, be To',
  ]);
  await nano.close();
  expect(line.logprob).toBeGreaterThan(turned.logprob + 5);
});
