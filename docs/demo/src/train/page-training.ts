// The run of the Train room and what is known of it; the view draws it.

import {
  type Slope,
  type StepLine,
  startTraining,
  type TrainingCheckpoint,
  type TrainingRun,
} from 'smollm2/train/page';
import { nanoBytes } from '../engine/nano-file.ts';
import { keepRun, keptRun } from './kept-run.ts';
import { decayingFrom, RECIPE, splitTokens } from './page-recipe.ts';

export type Stage = 'idle' | 'starting' | 'running' | 'paused' | 'finished' | 'failed';

/** A number of a parameter whose gradient was looked at. */
export interface CheckedSlope extends Slope {
  readonly parameter: string;
  readonly index: number;
  readonly step: number;
}

export class PageTraining {
  stage: Stage = 'idle';
  lines: StepLine[] = [];
  /** The run that a decay was cut from, up to where it was left. */
  trunk: readonly StepLine[] = [];
  /** Steps of the run, or of the branch. */
  numSteps = RECIPE.tokens.train_steps;
  trouble = '';
  lossHash = '';
  hasKept = false;
  /** Step of the checkpoint that this visit kept. */
  keptStep = 0;
  isKeeping = false;
  /** Newest first. */
  slopes: readonly CheckedSlope[] = [];
  isChecking = false;
  private run: TrainingRun | undefined;
  private readonly changed: () => void;

  constructor(changed: () => void) {
    this.changed = changed;
    void keptRun().then((kept) => {
      this.hasKept = kept !== undefined;
      changed();
    });
  }

  async start(isGoingOn = false): Promise<void> {
    this.run?.close();
    this.set('starting');
    this.trunk = [];
    const kept = isGoingOn ? await keptRun() : undefined;
    await this.begin(RECIPE, [...(kept?.lines ?? [])], kept?.checkpoint);
  }

  /** Whether a decay can be cut from where the run stands: after its warm-up, before its own decay. */
  get canDecay(): boolean {
    const { lr_warmup_steps: begin, lr_decay_starting_step: end } = RECIPE.optimizer.learning_rate_scheduler;
    const step = this.lines.at(-1)?.step ?? 0;
    const isOpen = this.stage === 'running' || this.stage === 'paused';
    return isOpen && this.trunk.length === 0 && step > begin && step < end;
  }

  /** A branch whose learning rate goes down from here on; the run that it leaves stays as a curve. */
  async decay(): Promise<void> {
    if (!this.run || !this.canDecay) return;
    this.run.pause();
    const { run } = this;
    this.set('starting');
    const checkpoint = await run.checkpoint();
    run.close();
    const { step } = checkpoint.state;
    this.trunk = this.lines;
    const lines = this.lines.filter((line) => line.step <= step);
    await this.begin(decayingFrom(step), lines, checkpoint);
  }

  private async begin(
    recipe: typeof RECIPE,
    lines: StepLine[],
    resume: TrainingCheckpoint | undefined,
  ): Promise<void> {
    try {
      this.lines = lines;
      this.numSteps = recipe.tokens.train_steps;
      const response = await fetch(new URL('train-tokens.bin', document.baseURI));
      if (!response.ok) throw new Error(`tokens: expected status 200, got ${response.status}`);
      const run = await startTraining({
        recipe,
        tokens: splitTokens(new Uint16Array(await response.arrayBuffer())),
        // Whole, so that it comes from the offline store too.
        model: new Blob([(await nanoBytes()) as Uint8Array<ArrayBuffer>]),
        onStep: (line) => {
          lines.push(line);
          this.changed();
        },
        ...(resume && { resume }),
      });
      this.run = run;
      this.set('running');
      const { lossHash } = await run.ended;
      if (this.run !== run) return;
      this.lossHash = lossHash;
      this.set('finished');
    } catch (error) {
      if (/was closed/.test((error as Error).message)) return;
      this.trouble = (error as Error).message;
      this.set('failed');
    }
  }

  pause(): void {
    this.run?.pause();
    this.set('paused');
  }

  go(): void {
    this.run?.go();
    this.set('running');
  }

  /** The run as it is, for another visit. */
  async keep(): Promise<void> {
    if (!this.run) return;
    this.isKeeping = true;
    this.changed();
    try {
      const checkpoint = await this.run.checkpoint();
      const lines = this.lines.filter(({ step }) => step <= checkpoint.state.step);
      await keepRun({ checkpoint, lines });
      this.hasKept = true;
      this.keptStep = checkpoint.state.step;
      this.trouble = '';
    } catch (error) {
      this.trouble = (error as Error).message;
    }
    this.isKeeping = false;
    this.changed();
  }

  /** Names of the parameters, while there is a run. */
  get parameters(): readonly string[] {
    return this.run && this.stage !== 'starting' ? this.run.facts.parameters.map(({ name }) => name) : [];
  }

  /** Looks at the gradient of one number, drawn at random, of a parameter. */
  async checkSlope(parameter: string): Promise<void> {
    const { run } = this;
    const shape = run?.facts.parameters.find(({ name }) => name === parameter)?.shape;
    if (!run || !shape) return;
    const index = Math.floor(Math.random() * shape.reduce((product, size) => product * size, 1));
    this.isChecking = true;
    this.changed();
    try {
      const slope = await run.slope(parameter, index);
      const step = this.lines.at(-1)?.step ?? 0;
      this.slopes = [{ ...slope, parameter, index, step }, ...this.slopes].slice(0, 12);
    } catch (error) {
      if (this.run === run) this.trouble = (error as Error).message;
    }
    this.isChecking = false;
    this.changed();
  }

  /** The model as a GGUF file. */
  async file(): Promise<Blob | undefined> {
    return this.run?.gguf();
  }

  private set(stage: Stage): void {
    this.stage = stage;
    this.changed();
  }
}
