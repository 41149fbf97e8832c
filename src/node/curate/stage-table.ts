// Every stage that runs here: those of src/data, and those that need a package or the model.

import { nearest } from '../../base/nearest.ts';
import { extractStage } from '../../data/extract/stage.ts';
import { minhashStage } from '../../data/minhash/stage.ts';
import type { Resources, StageKind } from '../../data/stage.ts';
import { STAGES } from '../../data/stages.ts';
import { readBytes } from '../read-file.ts';
import { languageFilter } from './language-stage.ts';
import { nodeSigner } from './minhash-kernel.ts';

export const NODE_STAGES: ReadonlyMap<string, StageKind> = new Map(
  [...STAGES.values(), extractStage, languageFilter, minhashStage(nodeSigner)].map((kind) => [
    kind.name,
    kind,
  ]),
);

/** @throws RangeError when there is no stage of this name */
export function nodeStageKind(name: string): StageKind {
  const kind = NODE_STAGES.get(name);
  if (kind) return kind;
  const names = [...NODE_STAGES.keys()];
  const meant = nearest(name, names);
  throw new RangeError(
    `stage: expected one of ${names.join(', ')}; got ${name}${meant ? `; did you mean ${meant}?` : ''}`,
  );
}

/** Files as the user names them, from the working directory. */
export const fileResources: Resources = { readBytes };
