// A pass that is looked at: in the calling thread, all rows at once, so that every point is shown whole and can be
// replaced, with the same operations and bits as any other pass.

import type { ForwardOptions, PassEntry } from '../model/model.ts';
import type { Network } from '../model/pass.ts';
import type { Trace } from '../model/trace.ts';
import { forward, head } from '../model/transformer.ts';
import { rankOf } from '../model/weights.ts';
import { makeWorkspace } from '../model/workspace.ts';
import { type Engine, LOGITS, NOTHING, type Values } from '../ops.ts';
import { showLate } from './late-points.ts';
import { asEngineError } from './runner.ts';

/** Rows of logits of `entry` that are wanted; `options.trace` has seen the points by then. */
export async function tracedPass(
  engine: Engine,
  network: Network,
  { ids, cache, rows = 1 }: PassEntry,
  options: ForwardOptions,
): Promise<Values[]> {
  const { config } = network;
  const trace = options.trace as Trace;
  const numPositions = cache.length + ids.length;
  const mark = engine.mark();
  try {
    const workspace = makeWorkspace(config, ids.length, rankOf(network.weights), (length) =>
      engine.vector(length),
    );
    const wantsProbs = options.points?.some((point) => point.endsWith('attn_probs')) ?? true;
    const probs = wantsProbs ? engine.vector(config.numHeads * ids.length * numPositions) : undefined;
    const isWanted = (name: string) => options.points?.includes(name) ?? true;
    engine.reserve(cache, numPositions);
    const sequences = [{ begin: 0, count: ids.length, startPos: cache.length, cache }];
    const wanted = ids.map((_, t) => (t >= ids.length - rows ? LOGITS : NOTHING));
    const chunk = { ids, sequences, wanted, logitsDone: 0 };
    const traced = { ...network, workspace };
    const pass = (watch: Trace) => forward(engine, traced, chunk, { trace: watch, probs });
    if (!engine.readNow) await showLate(engine, pass, trace, isWanted);
    else for (const _ of pass((name, ...seen) => isWanted(name) && trace(name, ...seen)));
    const perRun = workspace.logits.length / config.vocabSize;
    const found: Values[] = [];
    for (let logitsDone = 0; logitsDone < rows; logitsDone += perRun) {
      if (logitsDone > 0) for (const _ of head(engine, traced, { ...chunk, logitsDone }));
      const numRows = Math.min(perRun, rows - logitsDone);
      const values = await engine.read(engine.view(workspace.logits, 0, numRows * config.vocabSize));
      for (let row = 0; row < numRows; row++) {
        found.push(values.subarray(row * config.vocabSize, (row + 1) * config.vocabSize));
      }
    }
    cache.length = numPositions;
    return found;
  } catch (error) {
    throw asEngineError(error);
  } finally {
    engine.release(mark);
  }
}
