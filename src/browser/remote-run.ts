// A page's end of a training run: calls go to the run's worker as messages, so the page's thread never computes. The
// other side is page-run.ts; what the two say to each other, training-messages.ts.

import { EngineError } from '../base/errors.ts';
import type { Slope } from '../run/slope.ts';
import type { SampleOptions } from '../run/training-samples.ts';
import type { StateKind } from '../train/machine.ts';
import type { StepLine } from '../train/trainer.ts';
import type { TrainingCheckpoint } from '../train/training-state.ts';
import { errorFromMessage } from './error-message.ts';
import { endWorker, holdWorker } from './held-worker.ts';
import { startMembersFor } from './page-members.ts';
import type { RunCall, RunEnd, RunFacts, RunQuestion, RunReport, RunSetup } from './training-messages.ts';

/** What a page may hear while the run goes on. */
export interface RunListeners {
  /** A line of the log after each step; with `eval_loss` and `samples` at evaluations. */
  readonly onStep?: (line: StepLine, totalSteps: number) => void;
  /** Keys of the recipe that are ignored, batches that are skipped. */
  readonly onNote?: (text: string) => void;
}

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A run in its worker. Close it when its weights are not needed any more. */
export class RemoteRun {
  /** Fulfilled when the last step is taken or the run was stopped; rejected when it failed. */
  readonly ended: Promise<RunEnd>;
  private readonly worker: Worker;
  private readonly endTeam: (() => void) | undefined;
  private readonly questions = new Map<number, Pending<unknown>>();
  private readonly listeners: RunListeners;
  private started: Pending<RunFacts> | undefined;
  private readonly end: Pending<RunEnd>;
  private known: RunFacts | undefined;
  private failure: Error | undefined;
  private nextId = 0;

  /** @param startMember starts a worker of the run's team; by default the run's worker does */
  constructor(worker: Worker, listeners: RunListeners, startMember?: () => Worker) {
    let end: Pending<RunEnd> | undefined;
    this.ended = new Promise<RunEnd>((resolve, reject) => {
      end = { resolve, reject };
    });
    this.ended.catch(() => undefined); // whoever awaits it hears of a failure; nobody has to
    this.end = end as unknown as Pending<RunEnd>;
    this.worker = holdWorker(worker);
    this.endTeam = startMember && startMembersFor(worker, startMember);
    this.listeners = listeners;
    worker.onmessage = ({ data: report }: MessageEvent<RunReport>) => this.receive(report);
    worker.onerror = (event) =>
      this.fail(new EngineError(`worker: stopped with ${event.message || 'an error'}`));
  }

  /** What is known of the run: steps, parameters, memory. */
  get facts(): RunFacts {
    if (!this.known) throw new EngineError('training: expected a run that has started, got one that has not');
    return this.known;
  }

  /** Used by startTraining. */
  async start(setup: RunSetup): Promise<void> {
    this.known = await new Promise<RunFacts>((resolve, reject) => {
      this.started = { resolve, reject };
      this.post({ kind: 'start', setup });
    }).catch((error) => {
      this.close();
      throw error;
    });
  }

  /** Waits after the step that is being taken. */
  pause(): void {
    this.post({ kind: 'pause' });
  }

  /** Goes on after a pause. */
  go(): void {
    this.post({ kind: 'go' });
  }

  /** Ends the run after the step that is being taken; `ended` then says `interrupted`. */
  stop(): void {
    this.post({ kind: 'stop' });
  }

  /** Continues each prompt with the model as it is after the step that is being taken. */
  async sample(prompts: readonly string[], options: Partial<SampleOptions> = {}): Promise<readonly string[]> {
    const asked = { maxTokens: 40, ...options };
    return (await this.ask({ name: 'sample', prompts, options: asked })) as readonly string[];
  }

  /** A copy of a parameter by its HF name, or of one of its moments. */
  async read(parameter: string, kind: StateKind = 'values'): Promise<Float32Array> {
    return (await this.ask({ name: 'read', kind, parameter })) as Float32Array;
  }

  /**
   * The slope of the loss for one number of a parameter on the first tokens that the run learns from, in float64: by
   * the backward pass, and by differences of the loss.
   */
  async slope(parameter: string, index: number): Promise<Slope> {
    return (await this.ask({ name: 'slope', parameter, index })) as Slope;
  }

  /** Everything that a run goes on from: for `resume`, in this page or after a structured clone in another visit. */
  async checkpoint(): Promise<TrainingCheckpoint> {
    return (await this.ask({ name: 'checkpoint' })) as TrainingCheckpoint;
  }

  /** The model as it is, as a GGUF file in F32: for `load()`, or to be kept. */
  async gguf(): Promise<Blob> {
    return (await this.ask({ name: 'gguf' })) as Blob;
  }

  /** Ends the worker at once. */
  close(): void {
    this.fail(new EngineError('training: the run was closed'));
  }

  private ask(question: RunQuestion): Promise<unknown> {
    if (this.failure) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.questions.set(id, { resolve, reject });
      this.post({ kind: 'ask', id, question });
    });
  }

  private post(call: RunCall): void {
    if (!this.failure) this.worker.postMessage(call);
  }

  private receive(report: RunReport): void {
    if (report.kind === 'started') this.started?.resolve(report.facts);
    else if (report.kind === 'step') this.listeners.onStep?.(report.line, report.totalSteps);
    else if (report.kind === 'note') this.listeners.onNote?.(report.text);
    else if (report.kind === 'ended') this.end.resolve(report.end);
    else if (report.kind === 'failed') this.fail(errorFromMessage(report.error));
    else {
      const asked = this.questions.get(report.id);
      this.questions.delete(report.id);
      if (report.kind === 'answer') asked?.resolve(report.value);
      else asked?.reject(errorFromMessage(report.error));
    }
  }

  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    endWorker(this.worker);
    this.endTeam?.();
    this.started?.reject(error);
    this.end.reject(error);
    for (const { reject } of this.questions.values()) reject(error);
    this.questions.clear();
  }
}
