// A Model whose passes are computed by a team of workers over one shared memory. Traced passes run in the calling
// thread, where values can be looked at and replaced, on the same weights and caches.

import type { ModelConfig } from '../config.ts';
import type { BatchEntry, ForwardOptions } from '../model/model.ts';
import type { LogitsSink } from '../model/transformer.ts';
import type { Weights } from '../model/weights.ts';
import type { KvCache, Sequence } from '../ops.ts';
import type { WasmEngine } from '../wasm/engine.ts';
import type { WasmVector } from '../wasm/ops.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import { Team } from '../wasm/team.ts';
import { LocalModel } from './local-model.ts';

export class TeamModel extends LocalModel {
  readonly numThreads: number;
  private readonly wasm: WasmEngine;
  private readonly team: Team;
  private logits: WasmVector;
  /** The end of the last call: passes share buffers, so calls take turns. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    engine: WasmEngine,
    config: ModelConfig,
    weights: Weights,
    size: { readonly maxSeqLen: number; readonly rowsPerPass: number; readonly threads: number },
    platform: WasmPlatform,
  ) {
    super(engine, config, weights, size.maxSeqLen, size.rowsPerPass);
    this.wasm = engine;
    this.numThreads = size.threads;
    this.logits = this.network.workspace.logits as WasmVector;
    const { module, linearMemory: memory } = engine;
    const setup = { module, memory, job: engine.jobPtr, network: this.network };
    const phase = () => engine.openPhase();
    const clear = () => engine.clearControls();
    this.team = new Team(platform, setup, engine.prepareTeam(size.threads), phase, clear);
  }

  override forward(ids: readonly number[], cache: KvCache, options?: ForwardOptions) {
    return this.inTurn(() => super.forward(ids, cache, options));
  }

  override forwardBatch(entries: readonly BatchEntry[]) {
    return this.inTurn(() => super.forwardBatch(entries));
  }

  override async close(): Promise<void> {
    this.team.close();
    await super.close();
  }

  protected override async pass(
    ids: readonly number[],
    sequences: readonly Sequence[],
    logitRows: readonly [number, number],
    sink: LogitsSink,
  ): Promise<void> {
    this.wasm.prepareTeam(this.numThreads);
    const [first, last] = logitRows;
    const length = (last - first) * this.config.vocabSize;
    if (length > this.logits.length) this.logits = this.wasm.vector(length);
    const logits = { ptr: this.logits.ptr, length };
    await this.team.run({ ids, sequences, logitRows, logits });
    if (length > 0) sink(logits, first);
  }

  private inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }
}
