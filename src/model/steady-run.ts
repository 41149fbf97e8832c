// A pass that outlives the thread it was computed on: where a worker dies in the middle of one, the next call starts a
// new team, so it is computed once more from where it began. Nothing of the first try is left: rows behind a cache's
// length do not count.

import { EngineError } from '../base/errors.ts';
import type { Values } from '../ops.ts';
import type { Model, PassEntry, PassOptions } from './model.ts';

/**
 * `model.run`, tried a second time where the engine stopped in the first.
 *
 * @throws EngineError  when it stopped in both, and what `run` throws besides
 */
export async function steadyRun(
  model: Pick<Model, 'run'>,
  entries: readonly PassEntry[],
  options?: PassOptions,
): Promise<Values[][]> {
  const lengths = entries.map(({ cache }) => cache.length);
  try {
    return await model.run(entries, options);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    for (const [n, { cache }] of entries.entries()) cache.length = lengths[n];
    return model.run(entries, options);
  }
}
