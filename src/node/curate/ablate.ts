// Runs an ablation: texts into memory, equal small trainings on as many threads as asked for, the proposal
// beside the present mixture. Every training is written to runs.jsonl as it ends, so a run that was stopped
// goes on from there.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EngineError } from '../../base/errors.ts';
import { candidateMixtures, shares } from '../../data/ablate/candidates.ts';
import {
  type Design,
  type Findings,
  findings,
  type Proposal,
  propose,
  type TrainingRun,
  type Verdict,
  verdict,
} from '../../data/ablate/decide.ts';
import type { AblationRecipe } from '../../data/ablate/recipe.ts';
import type { MixRecipe } from '../../data/mixture/mix-recipe.ts';
import { isDrawn } from '../../data/mixture/mixture.ts';
import { makeFolder } from '../write-file.ts';
import type { AblationSetup } from './ablation-worker.ts';
import { type ByteTexts, byteTexts } from './byte-texts.ts';
import { inputFiles } from './input-files.ts';
import { rowsOf } from './mix.ts';
import type { SmallTraining } from './small-training.ts';

export interface Ablation {
  readonly design: Design;
  readonly runs: readonly TrainingRun[];
  readonly found: Findings;
  readonly proposal: Proposal | undefined;
  readonly verdict: Verdict | undefined;
  /** Rates of the next stage: the proposal's where it held, the present ones otherwise. */
  readonly rates: readonly number[];
}

export interface AblateOptions {
  readonly threads: number;
  readonly onRun?: (done: number, total: number) => void;
  /** Folder of runs.jsonl; without one nothing is written. */
  readonly folder?: string;
}

/** Held-out text of a domain that is read at most, in bytes: measuring must not cost more than training. */
const DOMAIN_BYTES = 1 << 16;
/** Of a source, in multiples of what a training sees: seeds draw different documents. */
const SOURCE_TRAININGS = 4;

/** Reads the texts that a recipe names and runs it. */
export async function ablate(
  mix: MixRecipe,
  recipe: AblationRecipe,
  options: AblateOptions,
): Promise<Ablation> {
  const sources: ByteTexts[] = [];
  for (const { name, paths } of mix.sources) {
    sources.push(await textsOf(name, paths, SOURCE_TRAININGS * recipe.tokens, mix.seed));
  }
  const domains: ByteTexts[] = [];
  for (const { name, paths } of recipe.domains) {
    domains.push(await textsOf(name, paths, DOMAIN_BYTES, mix.seed));
  }
  const present = shares(mix.sources.map(({ rate }) => rate ?? 0));
  return ablateTexts(sources, domains, present, recipe, mix.seed, options);
}

/** The ablation of texts that are in memory. */
export async function ablateTexts(
  sources: readonly ByteTexts[],
  domains: readonly ByteTexts[],
  present: readonly number[],
  recipe: AblationRecipe,
  seed: number,
  options: AblateOptions,
): Promise<Ablation> {
  const { tokens, trust, floor, seeds, draws } = recipe;
  const names = sources.map(({ name }) => name);
  const design: Design = {
    sources: names,
    sizes: sources.map(({ bytes }) => bytes.length),
    domains: domains.map(({ name }) => name),
    weights: shares(recipe.domains.map(({ weight }) => weight)),
    tokens,
    trust,
    floor,
  };
  const firstSeed = 1 + 2 * seeds * seed;
  const candidates = candidateMixtures(names, present, draws, seed);
  const planned = candidates.flatMap(({ name, rates }) => trainings(name, rates, firstSeed, seeds));
  const total = planned.length + 2 * seeds;
  const pool = new TrainingPool({ model: recipe, sources, domains }, options, total);
  try {
    const runs = await pool.run(planned);
    const found = findings(runs, design);
    const proposal = propose(found, design, seeds);
    if (!proposal) return { design, runs, found, proposal, verdict: undefined, rates: present };
    // With seeds that chose nothing: the best of many is always a little lucky.
    const fresh = firstSeed + seeds;
    const [before, after] = [
      trainings('present', present, fresh, seeds),
      trainings('proposal', proposal.rates, fresh, seeds),
    ];
    const confirmed = await pool.run([...before, ...after]);
    const judged = verdict(confirmed.slice(0, seeds), confirmed.slice(seeds), found.noise, design);
    const rates = judged.isAccepted ? proposal.rates : present;
    return { design, runs: [...runs, ...confirmed], found, proposal, verdict: judged, rates };
  } finally {
    await pool.close();
  }
}

function trainings(
  mixture: string,
  rates: readonly number[],
  firstSeed: number,
  seeds: number,
): SmallTraining[] {
  return Array.from({ length: seeds }, (_, i) => ({ mixture, rates, seed: firstSeed + i }));
}

/** Documents of some files, drawn by the hash of their place where they are more than `maxBytes`. */
async function textsOf(
  name: string,
  paths: readonly string[],
  maxBytes: number,
  seed: number,
): Promise<ByteTexts> {
  const files = await inputFiles(paths);
  let size = 0;
  for await (const { row } of rowsOf(files)) size += Buffer.byteLength(textOf(row));
  if (size === 0) throw new RangeError(`${name}: expected documents with text, got none`);
  const texts: string[] = [];
  for await (const { row, place } of rowsOf(files)) {
    if (isDrawn(maxBytes / size, 0, `${name}:${place}`, seed)) texts.push(textOf(row).slice(0, maxBytes));
  }
  if (texts.length === 0)
    throw new RangeError(`${name}: expected shorter documents, got ${size} bytes in a few`);
  return byteTexts(name, texts);
}

/** A row's text, or what is said in its messages. */
function textOf({ text, messages }: Readonly<Record<string, unknown>>): string {
  if (typeof text === 'string') return text;
  if (!Array.isArray(messages)) return '';
  return messages.map(({ content }) => (typeof content === 'string' ? content : '')).join('\n');
}

/** Threads that each take the next training when they have finished one. */
class TrainingPool {
  private readonly workers: Worker[];
  private readonly known = new Map<string, readonly number[]>();
  private readonly options: AblateOptions;
  private readonly path: string | undefined;
  private readonly settings: string;
  private readonly total: number;
  private done = 0;

  constructor(setup: AblationSetup, options: AblateOptions, total: number) {
    const { tokens, hiddenSize, numLayers, sequenceLength, learningRate } = setup.model;
    const model = { tokens, hiddenSize, numLayers, sequenceLength, learningRate };
    const script = new URL('../../../dist/node/curate/ablation-worker.js', import.meta.url);
    const workerData: AblationSetup = { ...setup, model };
    this.workers = Array.from({ length: options.threads }, () => new Worker(script, { workerData }));
    this.options = options;
    this.total = total;
    // Runs of other sizes or texts are other runs.
    const lengths = [...setup.sources, ...setup.domains].map(({ name, bytes }) => [name, bytes.length]);
    this.settings = JSON.stringify([model, lengths]);
    this.path = options.folder && join(options.folder, 'runs.jsonl');
    if (options.folder) makeFolder(options.folder);
    if (this.path && existsSync(this.path)) this.remember(readFileSync(this.path, 'utf8'));
  }

  /** The runs in the order of the plan. @throws what a training throws */
  async run(planned: readonly SmallTraining[]): Promise<TrainingRun[]> {
    const runs: TrainingRun[] = [];
    let next = 0;
    await Promise.all(
      this.workers.map(async (worker) => {
        while (next < planned.length) {
          const i = next++;
          const key = this.keyOf(planned[i]);
          const bits = this.known.get(key) ?? (await trainedBy(worker, planned[i]));
          runs[i] = { ...planned[i], bits };
          if (!this.known.has(key) && this.path) {
            appendFileSync(this.path, `${JSON.stringify({ ...runs[i], settings: this.settings })}\n`);
          }
          this.options.onRun?.(++this.done, this.total);
        }
      }),
    );
    return runs;
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private keyOf({ rates, seed }: SmallTraining): string {
    return JSON.stringify([rates, seed]);
  }

  /** A line that was cut off by a kill is run again. */
  private remember(text: string): void {
    for (const line of text.split('\n')) {
      try {
        const run = JSON.parse(line) as TrainingRun & { settings: string };
        if (run.settings === this.settings) this.known.set(this.keyOf(run), run.bits);
      } catch {}
    }
  }
}

function trainedBy(worker: Worker, training: SmallTraining): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.removeAllListeners('message').removeAllListeners('error').removeAllListeners('exit');
      act();
    };
    worker.on('message', ({ bits, error }: { bits: number[]; error?: Error }) =>
      settle(() => (error ? reject(error) : resolve(bits))),
    );
    worker.on('error', (error) => settle(() => reject(error)));
    worker.on('exit', (code) =>
      settle(() => reject(new EngineError(`thread: ended with exit code ${code}`))),
    );
    worker.postMessage(training);
  });
}
