// A model in training on one engine: parameters, gradients, moments, and the three things that are done with them:
// gradients of a batch, an update, losses of a batch. Every worker of a team runs one of these over the same memory,
// in step; the loop that calls it is trainer.ts. Next step of the walk: tape.ts.

import type { ModelConfig } from '../config.ts';
import { forward } from '../model/transformer.ts';
import type { Weights } from '../model/weights.ts';
import { makeWorkspace } from '../model/workspace.ts';
import { type KvCache, LOGITS, type RopeTable, type Sequence, type Vector } from '../ops.ts';
import type { RowLosses, TrainingEngine } from '../ops-backward.ts';
import { bindWeights, type Parameter, parameter, parameterShapes } from './parameter.ts';
import { Tape } from './tape.ts';

/** Rows of several sequences, one behind the other. */
export interface Batch {
  readonly ids: readonly number[];
  /** The id that should follow each row, or IGNORED_LABEL. */
  readonly labels: readonly number[];
  /** Lengths of the sequences: attention and positions begin anew in each. They add up to ids.length. */
  readonly sequenceLengths: readonly number[];
}

export interface LearnerOptions {
  /** Longest sequence. */
  readonly maxSeqLen: number;
  /** Layer checkpointing: less memory, a third more time. */
  readonly recomputes: boolean;
  /** Only these parameters are trained; where absent all, or the adapters alone where there are some. */
  readonly trainedNames?: readonly string[];
  /** No moments: gradients are wanted, not updates. */
  readonly withoutMoments?: boolean;
  /** LoRA. */
  readonly adapters?: AdapterShape;
}

/** Which matrices get a low-rank addition, of what rank, and what B A is multiplied by. */
export interface AdapterShape {
  readonly rank: number;
  readonly scale: number;
  /** HF module names, or their ends, such as `q_proj`. */
  readonly targets: readonly string[];
}

/** The numbers of an update that do not depend on the gradient. */
export interface UpdateOptions {
  /** t, from 1. */
  readonly update: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Parameters without decay. */
  readonly undecayed: readonly string[];
  readonly maxNorm: number | undefined;
}

/** A parameter that is trained, with AdamW's two moments. */
export interface Trained<V extends Vector = Vector> {
  readonly parameter: Parameter<V>;
  readonly gradient: V;
  readonly firstMoment?: V;
  readonly secondMoment?: V;
}

export class Learner<V extends Vector = Vector> {
  readonly config: ModelConfig;
  readonly engine: TrainingEngine<V>;
  /** By HF name, in the order of the forward pass; adapters last. */
  readonly parameters: ReadonlyMap<string, Parameter<V>>;
  readonly trained: readonly Trained<V>[];
  private readonly options: LearnerOptions;
  private readonly weights: Weights;
  private readonly rope: RopeTable;

  constructor(engine: TrainingEngine<V>, config: ModelConfig, options: LearnerOptions) {
    this.engine = engine;
    this.config = config;
    this.options = options;
    const { adapters, trainedNames } = options;
    const isTrained = (name: string) => trainedNames?.includes(name) ?? !adapters;
    const parameters = new Map<string, Parameter<V>>();
    const make = (name: string, shape: readonly number[], trains: boolean): Parameter<V> => {
      const length = shape.reduce((product, size) => product * size, 1);
      const made = parameter(name, shape, engine.keep(length), trains ? engine.keep(length) : undefined);
      parameters.set(name, made);
      return made;
    };
    for (const [name, shape] of parameterShapes(config)) make(name, shape, isTrained(name));
    if (adapters) addAdapters([...parameters.values()], adapters, (name, shape) => make(name, shape, true));
    this.parameters = parameters;
    this.weights = bindWeights(config, parameters);
    this.rope = engine.ropeTable(config, options.maxSeqLen);
    this.trained = [...parameters.values()].flatMap((trained) => {
      const { gradient, length } = trained;
      if (!gradient) return [];
      if (options.withoutMoments) return [{ parameter: trained, gradient }];
      const [firstMoment, secondMoment] = [engine.keep(length), engine.keep(length)];
      return [{ parameter: trained, gradient, firstMoment, secondMoment }];
    });
  }

  /** Adds the gradient of Σ over rows of rowWeights[t] · loss[t] to what is there. */
  gradients(batch: Batch, rowWeights: readonly number[]): RowLosses {
    return this.pass(batch, (tape) => tape.backward(batch.labels, rowWeights));
  }

  losses(batch: Batch): RowLosses {
    return this.pass(batch, (tape) => tape.losses(batch.labels));
  }

  /** Σ of squares of each trained parameter's gradient, in float64. */
  gradientSquares(): number[] {
    return this.trained.map(({ gradient }) => this.engine.sumOfSquares(gradient));
  }

  /** One AdamW step with the gradients that were added up; clears them. `norm` is that of the whole gradient. */
  update(options: UpdateOptions, norm: number): void {
    const { update, learningRate, beta1, beta2, eps, weightDecay, undecayed, maxNorm } = options;
    const step = {
      gradientScale: maxNorm === undefined ? 1 : Math.min(1, maxNorm / (norm + 1e-6)),
      learningRate,
      beta1,
      beta2,
      eps,
      correction1: 1 - wholePower(beta1, update),
      correction2: 1 - wholePower(beta2, update),
    };
    for (const { parameter, gradient, firstMoment, secondMoment } of this.trained) {
      if (!firstMoment || !secondMoment) throw new RangeError('update: expected moments, got none');
      const decay = undecayed.includes(parameter.name) ? 0 : weightDecay;
      const numbers = { ...step, weightDecay: decay };
      this.engine.adamw(parameter.values, gradient, firstMoment, secondMoment, numbers);
    }
  }

  clearGradients(): void {
    for (const { gradient } of this.trained) this.engine.clear(gradient);
  }

  private pass(batch: Batch, finish: (tape: Tape<V>) => RowLosses): RowLosses {
    const { config, engine, weights, rope } = this;
    const { ids, sequenceLengths } = batch;
    const tape = new Tape(engine, config, this.options.recomputes);
    const workspace = {
      ...makeWorkspace(config, ids.length, 0, (length) => tape.vector(length)),
      logits: tape.promise(ids.length * config.vocabSize),
    };
    const network = { config, weights, rope, workspace };
    const chunk = {
      ids,
      sequences: sequencesOf(sequenceLengths),
      wanted: ids.map(() => LOGITS),
      logitsDone: 0,
    };
    for (const _ of forward(tape, network, chunk));
    const losses = finish(tape);
    engine.endPass();
    return losses;
  }
}

/** A cache that is never used: attention of a training pass reads the rows of the pass. */
const NO_CACHE: KvCache = { length: 0, maxSeqLen: 0 };

function sequencesOf(lengths: readonly number[]): Sequence[] {
  let begin = 0;
  return lengths.map((count) => {
    const sequence = { begin, count, startPos: 0, cache: NO_CACHE };
    begin += count;
    return sequence;
  });
}

/** base^n by multiplication, the same on every machine. */
function wholePower(base: number, n: number): number {
  let power = 1;
  for (let square = base, rest = n; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) power *= square;
  }
  return power;
}

/** Puts A [rank, inSize] and B [outSize, rank] beside every matrix that the shape names. */
function addAdapters<V extends Vector>(
  parameters: readonly Parameter<V>[],
  { rank, scale, targets }: AdapterShape,
  make: (name: string, shape: readonly number[]) => Parameter<V>,
): void {
  for (const matrix of parameters) {
    const module = matrix.name.replace(/\.weight$/, '');
    if (!targets.some((target) => `.${module}`.endsWith(`.${target}`))) continue;
    const a = make(`${module}.lora_A.weight`, [rank, matrix.inSize]);
    const b = make(`${module}.lora_B.weight`, [matrix.outSize, rank]);
    matrix.adapter = { a, b, scale };
  }
}
