// Layers in another order: two neighbours exchanged, or one left out, tried one after the other on a short text.

import type { Tensor } from '../base/tensor.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { firstLook, holds } from './constants.ts';
import { misfit, sizeOf, type VerifyReference } from './likeness.ts';
import { type Exchange, type Replays, replayOn } from './replay.ts';

/** The checkpoint with layers `order[0]`, `order[1]`, … of its own. */
export function withLayerOrder(checkpoint: Checkpoint, order: readonly number[]): Checkpoint {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of checkpoint.tensors) {
    const layer = LAYER.exec(name)?.[1];
    if (layer === undefined) tensors.set(name, tensor);
    for (const [place, placed] of order.entries()) {
      if (placed !== Number(layer)) continue;
      const moved = name.replace(LAYER, `model.layers.${place}.`);
      tensors.set(moved, { ...tensor, name: moved });
    }
  }
  return { ...checkpoint, config: { ...checkpoint.config, numLayers: order.length }, tensors };
}

const LAYER = /^model\.layers\.(\d+)\./;

/** The order of layers under which the reference answers as the server does, in words. */
export async function layerOrderFinding(
  { model, tokenizer, withLayers }: VerifyReference,
  exchanges: readonly Exchange[],
  own: Replays,
): Promise<string | undefined> {
  if (!withLayers) return undefined;
  const first = await firstLook(exchanges, own);
  const replayed = (order: readonly number[], of: readonly Exchange[]) =>
    replayOn(() => withLayers(order), tokenizer, of);
  let best = { name: '', order: [] as readonly number[], misfit: Number.POSITIVE_INFINITY };
  for (const { name, order } of orders(model.config.numLayers)) {
    const found = misfit(await replayed(order, first));
    if (found < best.misfit) best = { name, order, misfit: found };
  }
  if (best.order.length === 0) return undefined;
  const before = await own.of(exchanges);
  const found = await replayed(best.order, exchanges);
  if (!holds(found, before)) return undefined;
  return `${best.name} fits: with it ${sizeOf(found)}; without it ${misfit(before).toPrecision(2)}`;
}

function orders(numLayers: number): { name: string; order: number[] }[] {
  const all = Array.from({ length: numLayers }, (_, layer) => layer);
  const exchanged = all.slice(1).map((layer) => ({
    name: `a network with layers ${layer - 1} and ${layer} exchanged`,
    order: all.with(layer - 1, layer).with(layer, layer - 1),
  }));
  const missing = all.map((layer) => ({
    name: `a network without layer ${layer}`,
    order: all.toSpliced(layer, 1),
  }));
  return numLayers < 2 ? exchanged : [...exchanged, ...missing];
}
