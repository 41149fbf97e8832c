// Who names points of the network agrees with its table: documents, the explorer, names of other programs.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOCK_PARTS } from '../../docs/demo/src/engine/points.ts';
import { allPoints, inputsOf, LAYER_POINTS } from '../../src/model/points.ts';
import { canonicalName } from '../../src/traces/names.ts';

const POINTS = new Set(allPoints(30));
const page = readFileSync(new URL('../../docs/inspect.md', import.meta.url), 'utf8');

/** Names in a cell; a second name without a path stands in the folder of the first. */
function namesIn(cell: string): string[] {
  const [first, ...rest] = [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  return [first, ...rest.map((name) => candidates(first, name))];
}

/** `q_rope` after `model.layers.3.self_attn.q_proj` is `model.layers.3.self_attn.q_rope`, or a part of the block. */
function candidates(first: string, name: string): string {
  const folders = first.split('.').map((_, n, all) => all.slice(0, all.length - 1 - n).join('.'));
  const known = (full: string) => POINTS.has(full) || canonicalName(full) !== undefined;
  return folders.map((folder) => (folder ? `${folder}.${name}` : name)).find(known) ?? name;
}

describe('the table of points', () => {
  it('is what docs/inspect.md says of the hooks of TransformerLens', () => {
    const rows = [...page.matchAll(/^\| (`(?:blocks|hook_)[^|]*) \| ([^|]*) \|$/gm)];
    const hooks = rows.flatMap(([, hook]) => namesIn(hook));
    const points = rows.flatMap(([, , point]) => namesIn(point));
    expect(hooks.length).toBe(11);
    expect(hooks.map((hook) => canonicalName(hook)?.name)).toEqual(points);
    expect(points.filter((point) => !POINTS.has(point))).toEqual([]);
  });

  it('is the order of the operations that the explorer shows', () => {
    expect(BLOCK_PARTS).toEqual(LAYER_POINTS.map(({ part }) => part));
  });

  it('computes every point from earlier ones', () => {
    const order = allPoints(2);
    for (const [n, name] of order.entries()) {
      const inputs = inputsOf(name, 2);
      if (n > 0) expect(inputs.length, name).toBeGreaterThan(0);
      for (const input of inputs) expect(order.indexOf(input), `${input} before ${name}`).toBeLessThan(n);
      for (const input of inputs) expect(order).toContain(input);
    }
  });
});
