// The worker's side of a training run in a page: the same trainer as on the command line, with tokens in memory and
// messages for a log. Messages are heard between steps, so whatever is asked sees whole steps only. The page's side is
// training-run.ts; the entry that joins this to a worker is training-run-worker.ts.

import { UnsupportedError } from '../base/errors.ts';
import { eventLoopTurn } from '../base/turn.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { writeGguf } from '../format/gguf-write.ts';
import { withJsonTokenizer } from '../format/json-tokenizer.ts';
import { requantised } from '../format/requantise.ts';
import { ggufContentOfHf } from '../format/to-gguf.ts';
import { lossSlope } from '../run/slope.ts';
import { openTraining, planTraining } from '../run/training.ts';
import { trainingSamples } from '../run/training-samples.ts';
import type { TrainingPlatform } from '../run/training-team.ts';
import type { TokenizerSource } from '../tokenizer/source.ts';
import { initialise } from '../train/initialise.ts';
import { loadParameters } from '../train/load-parameters.ts';
import type { TrainingMachine } from '../train/machine.ts';
import { tokensInMemory } from '../train/memory-tokens.ts';
import { openPretrain } from '../train/open-pretrain.ts';
import { readRecipe } from '../train/read-recipe.ts';
import type { PretrainRecipe, Recipe } from '../train/recipe.ts';
import { recipeChanges } from '../train/recipe-changes.ts';
import { trainedCheckpoint } from '../train/trained-checkpoint.ts';
import { restore, Trainer } from '../train/trainer.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import { errorToMessage } from './error-message.ts';
import type { RemoteSource } from './model-messages.ts';
import type { RunCall, RunQuestion, RunReport, RunSetup } from './training-messages.ts';

/** Where kernels, workers and model files come from. */
export interface PageRunPlatform {
  readonly training: TrainingPlatform;
  readonly inference: WasmPlatform;
  openModel(source: RemoteSource): Promise<Checkpoint>;
}

type Ask = Extract<RunCall, { kind: 'ask' }>;

/** A run made ready. */
interface ReadyRun {
  readonly machine: TrainingMachine;
  readonly trainer: Trainer;
  readonly tokenizer: TokenizerSource | undefined;
  /** The first tokens that it learns from, for slopes. */
  readonly text: readonly number[];
}

const SLOPE_TOKENS = 17;

/** Of samples: what a model is sure of after a minute of learning is readable, what it draws from the tail is not. */
const TEMPERATURE = 0.5;

export class PageRun {
  private readonly post: (report: RunReport) => void;
  private readonly platform: PageRunPlatform;
  private readonly asked: Ask[] = [];
  private isPaused = false;
  private isStopped = false;
  private wake = () => {};

  constructor(post: (report: RunReport) => void, platform: PageRunPlatform) {
    this.post = post;
    this.platform = platform;
  }

  hear(call: RunCall): void {
    if (call.kind === 'start') void this.run(call.setup);
    else if (call.kind === 'ask') this.asked.push(call);
    else if (call.kind === 'stop') this.isStopped = true;
    else this.isPaused = call.kind === 'pause';
    this.wake();
  }

  private async run(setup: RunSetup): Promise<void> {
    try {
      this.isPaused ||= setup.isPaused === true;
      const ready = await this.open(setup);
      await this.betweenSteps(ready);
      const { state, reason } = await ready.trainer.run();
      this.post({ kind: 'ended', end: { reason, step: state.step, lossHash: state.lossHash } });
      // The weights can be asked about until the page closes the worker.
      for (;;) {
        await this.answers(ready);
        await this.woken();
      }
    } catch (error) {
      this.post({ kind: 'failed', error: errorToMessage(error) });
    }
  }

  private async open(setup: RunSetup): Promise<ReadyRun> {
    const { recipe, notices } = readRecipe(setup.recipe, 'recipe');
    for (const text of notices) this.post({ kind: 'note', text });
    if (recipe.kind !== 'pretrain') {
      throw new UnsupportedError(
        `recipe: expected pretraining in a page, got ${recipe.kind}; smollm2 train takes it on the command line`,
      );
    }
    const { model: config, sequenceLength: maxSeqLen, microBatchSize, evaluation } = recipe;
    const state = resumedState(setup, recipe);
    const objective = await openPretrain(recipe, (name) => folderOf(setup, name, config.vocabSize), state);
    const model = setup.model === undefined ? undefined : await this.platform.openModel(setup.model);
    const { training } = this.platform;
    const threads = training.spawn ? (setup.threads ?? training.defaultThreads) : 1;
    const shape = { threads, maxRows: microBatchSize * maxSeqLen, maxSeqLen };
    const { bytes: memoryBytes } = planTraining(config, shape);
    const machine = await openTraining(config, shape, training);
    await begin(machine, recipe, setup, model);
    const tokenizer = tokenizerOf(setup, model);
    const { prompts, sampleTokens: maxTokens } = evaluation;
    const { totalSteps } = objective;
    const ready: ReadyRun = {
      machine,
      tokenizer,
      text: firstTokens(setup),
      trainer: new Trainer(
        machine,
        objective,
        {
          schedule: recipe.schedule,
          checkpointInterval: Number.POSITIVE_INFINITY,
          saveInitial: false,
          saveFinal: false,
          evaluationInterval: evaluation.interval,
          recipe,
          maxSteps: setup.maxSteps,
          ...(tokenizer &&
            prompts.length > 0 && {
              sample: () => this.sample(ready, prompts, { maxTokens, temperature: TEMPERATURE }),
            }),
          onStep: async (line) => {
            this.post({ kind: 'step', line, totalSteps });
            await this.betweenSteps(ready);
          },
          onNote: (text) => this.post({ kind: 'note', text }),
          isInterrupted: () => this.isStopped,
        },
        state,
      ),
    };
    const { parameters } = machine;
    const numParameters = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const facts = { totalSteps, step: state?.step ?? 0, numParameters, parameters, memoryBytes };
    this.post({ kind: 'started', facts });
    return ready;
  }

  /** Hears what came during the step, answers it, and waits as long as the page pauses the run. */
  private async betweenSteps(ready: ReadyRun): Promise<void> {
    await eventLoopTurn();
    await this.answers(ready);
    while (this.isPaused && !this.isStopped) {
      await this.woken();
      await this.answers(ready);
    }
  }

  private async answers(ready: ReadyRun): Promise<void> {
    for (let ask = this.asked.shift(); ask; ask = this.asked.shift()) {
      const { id, question } = ask;
      try {
        this.post({ kind: 'answer', id, value: await this.answer(ready, question) });
      } catch (error) {
        this.post({ kind: 'refusal', id, error: errorToMessage(error) });
      }
    }
  }

  private async answer(ready: ReadyRun, question: RunQuestion): Promise<unknown> {
    switch (question.name) {
      case 'sample':
        return this.sample(ready, question.prompts, question.options);
      case 'read':
        return ready.machine.read(question.kind, question.parameter);
      case 'slope':
        return lossSlope(ready.machine, question.parameter, question.index, ready.text);
      case 'checkpoint':
        return ready.trainer.checkpoint();
      case 'gguf':
        return ggufOf(ready);
    }
  }

  private async sample(
    { machine, tokenizer }: ReadyRun,
    prompts: readonly string[],
    options: Parameters<typeof trainingSamples>[3],
  ): Promise<readonly string[]> {
    return trainingSamples(machine, needed(tokenizer), prompts, options, this.platform.inference);
  }

  private woken(): Promise<void> {
    if (this.asked.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

async function folderOf({ tokens }: RunSetup, name: string, vocabSize: number) {
  if (Object.hasOwn(tokens, name)) return tokensInMemory(name, tokens[name], vocabSize);
  const known = Object.keys(tokens).join(', ') || 'none';
  throw new RangeError(`tokens: expected those of ${name}, which the recipe names, got ${known}`);
}

function firstTokens({ tokens }: RunSetup): number[] {
  const [first] = Object.values(tokens);
  return Array.from({ length: Math.min(SLOPE_TOKENS, first.length) }, (_, at) => first[at]);
}

/** The state of the checkpoint to go on from, when its past is the recipe's. */
function resumedState({ resume }: RunSetup, recipe: PretrainRecipe) {
  if (!resume) return undefined;
  const { state } = resume;
  const { refused } = recipeChanges(state.recipe as Recipe, recipe, state.step);
  if (refused.length === 0) return state;
  throw new RangeError(
    `resume: expected the recipe that the first ${state.step} steps were trained with, got ${refused.join('; ')}`,
  );
}

async function begin(
  machine: TrainingMachine,
  recipe: PretrainRecipe,
  { resume }: RunSetup,
  model: Checkpoint | undefined,
): Promise<void> {
  if (resume) restore(machine, resume);
  else if (recipe.startFrom === undefined) initialise(machine, recipe.initStd, recipe.seed);
  else if (model) await loadParameters(machine, model.tensors);
  else throw new RangeError(`model: expected the weights of ${recipe.startFrom}, got none`);
}

function tokenizerOf({ tokenizer }: RunSetup, model: Checkpoint | undefined): TokenizerSource | undefined {
  if (tokenizer !== undefined) return { kind: 'json', tokenizer, file: 'tokenizer' };
  return model && withJsonTokenizer(model).tokenizer;
}

function needed(tokenizer: TokenizerSource | undefined): TokenizerSource {
  if (tokenizer) return tokenizer;
  throw new RangeError('tokenizer: expected one at the start of the run, got none; give tokenizer or model');
}

/** The model as it is, in F32: what `load()` takes. */
async function ggufOf({ machine, tokenizer }: ReadyRun): Promise<Blob> {
  const checkpoint = withJsonTokenizer(trainedCheckpoint(machine, needed(tokenizer)));
  const { metadata, tensors } = ggufContentOfHf(checkpoint);
  const written = tensors.map((tensor) => requantised(tensor, 'F32', () => undefined));
  const pieces: Uint8Array[] = [];
  for await (const piece of writeGguf(metadata, written)) pieces.push(piece);
  return new Blob(pieces as Uint8Array<ArrayBuffer>[]);
}
