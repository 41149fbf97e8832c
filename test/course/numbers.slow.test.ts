import { readFileSync } from 'node:fs';
import { load } from 'smollm2';
import { expect, it } from 'vitest';
import { measured } from '../../course/node/measure.ts';
import { realWeights } from '../support/weights.ts';

it('measures on the real weights what the chapters say', async () => {
  const smol = await load(realWeights(), { precision: 'precise' });
  const { shown } = await measured(smol);
  await smol.close();
  expect(shown).toEqual(
    JSON.parse(readFileSync(new URL('../../course/numbers.json', import.meta.url), 'utf8')).shown,
  );
});
