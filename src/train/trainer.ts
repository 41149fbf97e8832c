// The training loop: gradients, norm, update, and what surrounds them: evaluation, log, checkpoints, an interruption,
// a loss that is no number. Time decides nothing here: the same recipe gives the same bits on every machine.
// Next step of the walk: learner.ts.

import { addToLossHash, bitsOf, EMPTY_LOSS_HASH } from './loss-hash.ts';
import type { StateKind, TrainingMachine } from './machine.ts';
import type { Objective, StepLoss } from './objective.ts';
import type { Recipe, ScheduleRecipe } from './recipe.ts';
import { learningRateAt } from './schedule.ts';
import type { CheckpointStore, StateTensor, TrainingCheckpoint, TrainingState } from './training-state.ts';
import { undecayedNames } from './undecayed.ts';

export interface TrainerOptions {
  readonly schedule: ScheduleRecipe;
  /** Iterations between checkpoints, and whether one is written before the first and after the last step. */
  readonly checkpointInterval: number;
  readonly saveInitial: boolean;
  readonly saveFinal: boolean;
  readonly evaluationInterval: number;
  /** Its optimizer counts; all of it is in the checkpoint, to see what has changed when the run is resumed. */
  readonly recipe: Recipe;
  /** Stop after this iteration; the schedule stays the recipe's. */
  readonly maxSteps?: number;
  /** Skip a batch whose loss is no number; otherwise the run stops. */
  readonly skipsNan?: boolean;
  readonly store?: CheckpointStore;
  /** Gets the checkpoint of the best evaluation so far. */
  readonly bestStore?: CheckpointStore;
  /** Continuations of fixed prompts, at each evaluation. */
  readonly sample?: (step: number) => Promise<readonly string[]>;
  readonly onStep: (line: StepLine) => Promise<void> | void;
  readonly onNote: (text: string) => void;
  /** Looked at after every step: true finishes the run with a checkpoint. */
  readonly isInterrupted?: () => boolean;
}

/** One line of log.jsonl: names of HF's and TRL's logs. */
export interface StepLine {
  readonly step: number;
  readonly loss: number | null;
  readonly learning_rate: number;
  readonly grad_norm: number | null;
  /** Labels so far. */
  readonly tokens: number;
  /** The loss as float64, 16 hex digits. */
  readonly bits: string;
  readonly epoch: number;
  readonly [name: string]: unknown;
}

export interface TrainingResult {
  readonly state: TrainingState;
  readonly reason: 'finished' | 'max-steps' | 'interrupted' | 'exhausted';
  /** False where the last checkpoint, or a line of the log, could not be written. */
  readonly isSaved: boolean;
}

/** A loss or a gradient that is no number: the update was not made. */
export class NotANumberError extends Error {
  override readonly name = 'NotANumberError';
}

export class Trainer {
  private readonly machine: TrainingMachine;
  private readonly objective: Objective;
  private readonly options: TrainerOptions;
  /** Names of the parameters without decay. */
  private readonly undecayed: readonly string[];
  private state: TrainingState;
  private isSaved = true;

  constructor(
    machine: TrainingMachine,
    objective: Objective,
    options: TrainerOptions,
    resumed?: TrainingState,
  ) {
    this.machine = machine;
    this.objective = objective;
    this.options = options;
    const names = machine.parameters.map(({ name }) => name);
    this.undecayed = undecayedNames(options.recipe, machine.config, names, options.onNote);
    this.state = resumed ?? {
      version: 1,
      step: 0,
      updates: 0,
      consumedRows: {},
      consumedTokens: 0,
      lossHash: EMPTY_LOSS_HASH,
      best: null,
      recipe: options.recipe,
    };
  }

  /**
   * Takes every step that is left.
   *
   * @throws NotANumberError when a loss or gradient is no number, with the weights as they were before
   */
  async run(): Promise<TrainingResult> {
    const { options, objective } = this;
    const last = Math.min(objective.totalSteps, options.maxSteps ?? objective.totalSteps);
    if (this.state.step === 0 && options.saveInitial) await this.save();
    let reason: TrainingResult['reason'] = last < objective.totalSteps ? 'max-steps' : 'finished';
    while (this.state.step < last) {
      if (objective.isExhausted(this.state.step + 1)) {
        reason = 'exhausted';
        break;
      }
      const step = await this.step();
      const isLast = step === last;
      if (options.isInterrupted?.() && !isLast) {
        reason = 'interrupted';
        break;
      }
      if (step % options.checkpointInterval === 0 && !isLast) await this.save();
    }
    if (reason !== 'finished' || options.saveFinal) await this.save();
    return { state: this.state, reason, isSaved: this.isSaved };
  }

  /** One iteration, up to its line in the log. */
  private async step(): Promise<number> {
    const { machine, objective, options } = this;
    const step = this.state.step + 1;
    const startedAt = performance.now();
    const result = await objective.accumulate(machine, step);
    const squares = await machine.gradientSquares();
    const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    const learningRate = learningRateAt(options.schedule, step);
    const isSound = Number.isFinite(result.loss) && Number.isFinite(norm);
    if (isSound) await this.update(learningRate, norm);
    else await this.refuse(step, result, squares);
    const seconds = (performance.now() - startedAt) / 1000;
    this.state = {
      ...this.state,
      step,
      updates: this.state.updates + (isSound ? 1 : 0),
      consumedRows: { ...objective.consumedRows },
      ...(objective.data && { data: objective.data }),
      consumedTokens: this.state.consumedTokens + result.labels,
      lossHash: addToLossHash(this.state.lossHash, result.loss, norm),
      recipe: options.recipe,
    };
    await options.onStep({
      step,
      loss: finite(result.loss),
      learning_rate: learningRate,
      grad_norm: finite(norm),
      tokens: this.state.consumedTokens,
      bits: bitsOf(result.loss),
      epoch: objective.epochs(),
      ...result.extra,
      ...(!isSound && { skipped: true }),
      tokens_per_second: Math.round(result.labels / seconds),
      ...(await this.evaluation(step)),
    });
    return step;
  }

  private async update(learningRate: number, norm: number): Promise<void> {
    const { beta1, beta2, eps, weightDecay, clipGrad: maxNorm } = this.options.recipe.optimizer;
    const numbers = { learningRate, beta1, beta2, eps, weightDecay, undecayed: this.undecayed, maxNorm };
    await this.machine.update({ ...numbers, update: this.state.updates + 1 }, norm);
  }

  /** The gradient is thrown away before it touches a weight. */
  private async refuse(step: number, { loss, places }: StepLoss, squares: readonly number[]): Promise<void> {
    const trained = this.machine.parameters.filter(({ isTrained }) => isTrained);
    const bad = trained.filter((_, i) => !Number.isFinite(squares[i])).map(({ name }) => name);
    const where = bad.length === 0 ? '' : `; gradients that are no numbers: ${bad.slice(0, 5).join(', ')}`;
    const norms = trained
      .slice(0, 4)
      .map(({ name }, i) => `${name} ${Math.sqrt(squares[i]).toPrecision(3)}`)
      .join(', ');
    const message =
      `step ${step}: expected a loss and a gradient that are numbers, got loss ${loss}` +
      `${where} (norms: ${norms}, …); batch: ${places.slice(0, 4).join('; ')}`;
    await this.machine.clearGradients();
    if (!this.options.skipsNan) {
      throw new NotANumberError(`${message}; lower the learning rate, or go on with --on-nan skip`);
    }
    this.options.onNote(`${message}; skipped`);
  }

  private async evaluation(step: number): Promise<Record<string, unknown>> {
    const { machine, objective, options } = this;
    const isPlanned = step % options.evaluationInterval === 0 || step === objective.totalSteps;
    if (!isPlanned && step !== options.maxSteps) return {};
    const found = await objective.evaluate(machine);
    const samples = await this.samples(step);
    if (!found) return samples ? { samples } : {};
    // What is shown where a run is stopped decides nothing: it goes on as if it had not been.
    if (isPlanned && found.loss < (this.state.best?.loss ?? Number.POSITIVE_INFINITY)) {
      this.state = { ...this.state, best: { step, loss: found.loss } };
      await this.trySave(options.bestStore);
    }
    return { eval_loss: found.loss, ...found.extra, ...(samples && { samples }) };
  }

  /** They are for eyes: one that cannot be written is told, and the run goes on. */
  private async samples(step: number): Promise<readonly string[] | undefined> {
    try {
      return await this.options.sample?.(step);
    } catch (error) {
      this.options.onNote(`step ${step}: no samples (${(error as Error).message})`);
      return undefined;
    }
  }

  private async save(): Promise<void> {
    this.isSaved = await this.trySave(this.options.store);
  }

  /** A disk that is full does not end a run: the last checkpoint stays, and the next one is tried in time. */
  private async trySave(store: CheckpointStore | undefined): Promise<boolean> {
    if (!store) return true;
    try {
      await store.save(this.checkpoint());
      return true;
    } catch (error) {
      this.options.onNote(`CHECKPOINT NOT WRITTEN: ${(error as Error).message}`);
      return false;
    }
  }

  /** The run as it is between two steps, to go on from. */
  checkpoint(): TrainingCheckpoint {
    const { machine, state } = this;
    const tensors = (kind: StateKind): StateTensor[] =>
      machine.parameters
        .filter(({ isTrained }) => isTrained)
        .map(({ name, shape }) => ({ name, shape, values: machine.read(kind, name) as Float32Array }));
    return {
      state,
      tensors: {
        weights: tensors('values'),
        firstMoments: tensors('firstMoment'),
        secondMoments: tensors('secondMoment'),
      },
    };
  }
}

/** Puts a checkpoint's weights and moments into a machine. */
export function restore(machine: TrainingMachine, { tensors }: TrainingCheckpoint): void {
  const lists = [
    ['values', tensors.weights],
    ['firstMoment', tensors.firstMoments],
    ['secondMoment', tensors.secondMoments],
  ] as const;
  for (const [kind, list] of lists) for (const { name, values } of list) machine.write(kind, name, values);
}

/** JSON has no NaN. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
