// Servers of the nano model with another constant: solved and named, whatever its value; and a fault that only looks like
// one.

import { afterAll, expect, it } from 'vitest';
import { FaultyServer, servedReference } from '../../bench/referee-servers.ts';
import { openNode } from '../../src/node/open.ts';
import { verifyServer } from '../../src/verify/verify.ts';
import { type Faults, faultyModel } from '../support/faulty-engine.ts';

const checkpoint = await openNode('models/nano.gguf');
const reference = await servedReference(checkpoint);
afterAll(async () => {
  await reference.model.close();
  await checkpoint.close();
});

it.each<[string, Faults, RegExp]>([
  // 0.012 nats, no more than 16-bit arithmetic makes.
  ['eps 3.3e-4', { eps: 3.3e-4 }, /^rms_norm_eps 0.0003\d* fits, the model has 0.00001/],
  ['half the angles', { frequencies: (plain) => plain.map((f) => f / 2) }, /^linear rope scaling .* 2 fits/],
  // Positions divided by 368 explain all but 0.08 nats.
  ['no rotation', { withoutRope: true }, /^a network that rotates nothing fits/],
  // Positions divided by 10 explain half of it.
  ['neighbours that rotate together', { interleavedRope: true }, /^other weights or another network/],
])('verify names a constant where it explains the answers: %s', async (_, faults, finding) => {
  const served = await faultyModel(checkpoint, faults, reference.model.maxSeqLen);
  const { verdict, findings } = await verifyServer(new FaultyServer(served, reference.tokenizer), reference);
  await served.close();
  expect([verdict, findings[0]]).toEqual(['wrong-model', expect.stringMatching(finding)]);
});
