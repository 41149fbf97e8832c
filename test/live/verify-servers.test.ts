// verify against servers in a function, with a fault each: minutes for each of them, so not part of `npm test`.

import { afterAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/model/model.ts';
import { verifyServer } from '../../src/verify/verify.ts';
import { exchanged, load, loaded, model, reference, serverOf, withConfig } from '../support/served-model.ts';

afterAll(() => model.close());

describe('verifyServer', () => {
  const servers: [string, () => Promise<Model>, RegExp][] = [
    ['layers 5 and 6 exchanged', () => loaded(exchanged()), /^wrong-model$/],
    ['theta 130000', () => load(130_000), /^wrong-rope-theta$/],
    ['theta 80000', () => load(80_000), /^wrong-rope-theta$/],
    ['eps 1e-3', () => withConfig({ rmsNormEps: 1e-3 }), /^wrong-model$/],
    ['activations of 8 bits', () => reference.coarser[0].load(), /^right-quantised$/],
    ['weights in Q8_0', () => reference.coarser[1].load(), /^right/],
    ['weights in Q4_0', () => reference.coarser[3].load(), /^right-quantised$/],
  ];
  it.each(servers)('judges a server with %s', async (_, open, verdict) => {
    const served = await open();
    try {
      const report = await verifyServer(serverOf(served), reference);
      expect(report.verdict, report.findings.join('; ')).toMatch(verdict);
    } finally {
      await served.close();
    }
  });
});
