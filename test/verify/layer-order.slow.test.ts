// Layers in another order, found on the nano model: exchanged, or left out.

import { afterAll, expect, it } from 'vitest';
import { FaultyServer, servedReference } from '../../bench/referee-servers.ts';
import { openNode } from '../../src/node/open.ts';
import { askAll } from '../../src/verify/ask.ts';
import { layerOrderFinding, withLayerOrder } from '../../src/verify/layer-order.ts';
import { Replays } from '../../src/verify/replay.ts';
import { faultyModel } from '../support/faulty-engine.ts';

const checkpoint = await openNode('models/nano.gguf');
const reference = await servedReference(checkpoint);
afterAll(async () => {
  await reference.model.close();
  await checkpoint.close();
});

it.each<[number[], RegExp | undefined]>([
  [[0, 2, 1, 3], /^a network with layers 1 and 2 exchanged fits: with it ln p differs by 0\.0\d+ /],
  [[0, 1, 3], /^a network without layer 2 fits/],
  [[3, 1, 2, 0], undefined],
])('layers %j', async (order, finding) => {
  const served = await faultyModel(withLayerOrder(checkpoint, order), { format: 'bf16' }, 512);
  const { texts } = await askAll(new FaultyServer(served, reference.tokenizer), reference);
  const own = new Replays(reference.model, reference.tokenizer);
  const found = await layerOrderFinding(reference, texts, own);
  await served.close();
  if (finding) expect(found).toMatch(finding);
  else expect(found).toBeUndefined();
});

it('a checkpoint in another order has the tensors of each layer in its new place, and no others', async () => {
  const { tensors, config } = withLayerOrder(checkpoint, [2, 0]);
  expect(config.numLayers).toBe(2);
  for (const [place, layer] of [2, 0].entries()) {
    const [got, wanted] = [tensors, checkpoint.tensors].map((all, which) => {
      return all.get(`model.layers.${which === 0 ? place : layer}.mlp.down_proj.weight`);
    });
    expect(got?.name).toBe(`model.layers.${place}.mlp.down_proj.weight`);
    expect(await got?.readRows(0, 1)).toEqual(await wanted?.readRows(0, 1));
  }
  expect([...tensors.keys()].filter((key) => /layers\.[23]\./.test(key))).toEqual([]);
});
