// A stage by its name, for programs: the stages of recipes that need neither Node nor a model.

import { UnavailableError } from '../base/errors.ts';
import { extractStage } from './extract/stage.ts';
import { referenceSigner } from './minhash/signature.ts';
import { minhashStage } from './minhash/stage.ts';
import { checkedOptions, type GroupStage, type Resources, type Stage, type StageKind } from './stage.ts';
import { STAGES } from './stages.ts';

const KINDS: ReadonlyMap<string, StageKind> = new Map(
  [...STAGES.values(), extractStage, minhashStage(referenceSigner)].map((kind) => [kind.name, kind]),
);

type GroupStageName = 'exact-dedup' | 'sentence-dedup' | 'minhash';
type StageNamed<Name extends string> = Name extends GroupStageName
  ? GroupStage
  : string extends Name
    ? Stage | GroupStage
    : Stage;

/** @throws RangeError when there is no stage of this name; the message lists those there are */
export function stageKind(name: string): StageKind {
  const kind = KINDS.get(name);
  if (kind) return kind;
  throw new RangeError(`stage: expected one of ${[...KINDS.keys()].join(', ')}; got ${name}`);
}

const NO_FILES: Resources = {
  readBytes: async (path) => {
    throw new UnavailableError(`${path}: expected resources.readBytes to read it, got none`);
  },
};

/**
 * A stage of the curation pipeline: `apply` takes a document and gives a document, or the reason why it goes; a stage
 * that compares documents has `keys` and `decide` in its place.
 *
 * @param name      as `smollm2 curate stage` lists them: `gopher-quality`, `pii`, `minhash`, …
 * @param options   those that differ from the stage's own
 * @param resources gives the files that options name
 *
 * @throws RangeError for a name or an option that there is not, TypeError for an option of the wrong kind
 */
export async function createStage<Name extends string>(
  name: Name,
  options: Readonly<Record<string, unknown>> = {},
  resources: Resources = NO_FILES,
): Promise<StageNamed<Name>> {
  const kind = stageKind(name);
  return (await kind.create(checkedOptions(kind, options), resources)) as StageNamed<Name>;
}
