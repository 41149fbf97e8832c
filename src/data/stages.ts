// Every stage by its name, for recipes and for `smollm2 curate stage NAME`.

import type { StageKind } from './stage.ts';

const KINDS: readonly StageKind[] = [];

export const STAGES: ReadonlyMap<string, StageKind> = new Map(KINDS.map((kind) => [kind.name, kind]));

/** @throws RangeError when there is no stage of this name; the message lists those there are */
export function stageKind(name: string): StageKind {
  const kind = STAGES.get(name);
  if (kind) return kind;
  throw new RangeError(`stage: expected one of ${[...STAGES.keys()].join(', ')}; got ${name}`);
}
