// The 135M's goldens by the float64 reference: an hour and 5 GB, so `npm run test:float64` runs it and nothing else.

import { afterAll, describe } from 'vitest';
import { ReferenceTraining } from '../../../src/reference/training.ts';
import { seen, testGoldens } from './real-135m.ts';

/** STEPS=1 takes the first of the ten steps only, in a tenth of the time. */
const steps = Number(process.env.STEPS ?? 10);

describe('the 135M in float64', () => {
  testGoldens(() => new ReferenceTraining(), { loss: 1e-9, norm: 1e-9, value: 1e-9, steps });
  afterAll(() => console.table(seen));
});
