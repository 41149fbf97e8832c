// Asks questions and writes down what comes back. Knows no task: what a row says is the task's business, how
// likely a text is the scorer's. Samples that an earlier run left are kept, so a stopped run goes on where it
// was.

import { argmax } from '../base/argmax.ts';
import { PythonRandom } from './python-random.ts';
import { buildQuestions, type Question, type QuestionOptions, shuffledIndices } from './questions.ts';
import type { Dataset, Row, RowSource } from './rows.ts';
import { type RunSettings, type Sample, sampleKey } from './sample.ts';
import { choiceLengths, type Scorer } from './scoring.ts';
import type { Grade, RunCode, Task, TextTask } from './task.ts';

export interface RunOptions extends RunSettings {
  readonly shots?: number;
  /** Only the first `limit` documents in the harnesses' shuffled order. */
  readonly limit?: number;
  /** Only rows [first, last] of the data file. */
  readonly rows?: readonly [number, number];
  readonly renderChat?: QuestionOptions['renderChat'];
  readonly runCode: RunCode;
  readonly signal?: AbortSignal;
  /** Samples of an earlier run with the same settings. */
  readonly known?: readonly Sample[];
  /** Called after each new sample, in the order of the data file, task by task. */
  readonly onSample: (sample: Sample) => Promise<void> | void;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly task: string;
  readonly done: number;
  readonly total: number;
  /** Samples of this call, without those that were known; what a rate is computed from. */
  readonly computed: number;
}

/**
 * Runs tasks one after the other.
 *
 * @returns all samples, known and new
 * @throws what a row source or a scorer throws; samples up to there have been handed over
 */
export async function runTasks(
  tasks: readonly Task[],
  source: RowSource,
  scorer: Scorer,
  options: RunOptions,
): Promise<Sample[]> {
  const known = new Map((options.known ?? []).map((sample) => [sampleKey(sample), sample]));
  const plans: { task: Task; questions: Question[] }[] = [];
  for (const task of tasks) plans.push({ task, questions: await planned(task, source, options) });
  const total = plans.reduce((sum, { questions }) => sum + questions.length, 0);
  for (const { task } of plans) checkShots(task, known.values(), options);
  const samples: Sample[] = [];
  let computed = 0;
  for (const { task, questions } of plans) {
    for (const question of questions) {
      options.signal?.throwIfAborted();
      let sample = known.get(sampleKey({ task: task.name, row: question.row.index }));
      if (!sample) {
        sample = await ask(task, question, scorer, options);
        await options.onSample(sample);
        computed++;
      }
      samples.push(sample);
      options.onProgress?.({ task: task.name, done: samples.length, total, computed });
    }
  }
  return samples;
}

function checkShots(task: Task, known: Iterable<Sample>, { shots = task.shots }: RunOptions): void {
  for (const sample of known) {
    if (sample.task !== task.name || sample.shots === shots) continue;
    throw new RangeError(
      `shots: expected ${shots} for ${task.name}, got samples with ${sample.shots}; take another file`,
    );
  }
}

/** The questions of a task that are to be asked, in the data file's order. */
async function planned(task: Task, source: RowSource, options: RunOptions): Promise<Question[]> {
  const { shots = task.shots, limit, rows: range, renderChat, style, seed } = options;
  if (task.kind === 'write' && task.needsChat && !renderChat) {
    throw new RangeError(`${task.name}: expected a chat template, got none; run it with chat`);
  }
  const rows = await rowsOf(task, source);
  if (shots > 0 && task.pool === undefined) {
    throw new RangeError(`shots: ${task.name} has no examples to show, got ${shots}`);
  }
  const pool = shots > 0 && task.pool !== 'same' ? await source.rows(task.pool as Dataset) : [];
  const questions = await buildQuestions(task, rows, pool, { style, shots, seed, renderChat });
  if (range) {
    if (range[0] > range[1] || range[1] >= rows.length) {
      throw new RangeError(`rows: ${task.name} has rows 0 to ${rows.length - 1}, got ${range.join('-')}`);
    }
    return questions.slice(range[0], range[1] + 1);
  }
  if (limit === undefined) return questions;
  const order = shuffledIndices(questions.length, new PythonRandom(seed)).slice(0, limit);
  return order.sort((a, b) => a - b).map((index) => questions[index]);
}

async function rowsOf(task: Task, source: RowSource): Promise<readonly Row[]> {
  if (task.generated) return task.generated();
  const rows = await source.rows(task.dataset);
  return task.kind === 'text' ? (task as TextTask).pages(rows) : rows;
}

type Answer = Pick<Sample, 'loglikelihood' | 'output' | 'chosen' | 'gold' | 'scores'>;

async function ask(task: Task, question: Question, scorer: Scorer, options: RunOptions): Promise<Sample> {
  const { model, engine, style, chat, seed, shots = task.shots } = options;
  const answer = await answered(task, question, scorer, options);
  return { task: task.name, row: question.row.index, ...answer, model, engine, style, chat, seed, shots };
}

async function answered(
  task: Task,
  question: Question,
  scorer: Scorer,
  options: RunOptions,
): Promise<Answer> {
  const { row, doc, context, reading, requests } = question;
  switch (task.kind) {
    case 'choice':
      return choiceAnswer(
        question,
        (await scorer.loglikelihoods(requests)).map(({ sum }) => sum),
      );
    case 'target': {
      const [{ sum, isGreedy }] = await scorer.loglikelihoods(requests);
      const chosen = isGreedy ? doc.target : null;
      const scores = { acc: Number(isGreedy), ll: sum };
      return { loglikelihood: [sum], chosen, gold: doc.target, scores };
    }
    case 'text': {
      const page = row.text('page');
      const ll = await scorer.textLoglikelihood(doc.target);
      const words = page.split(/\s+/).length;
      const bytes = new TextEncoder().encode(page).length;
      return { loglikelihood: [ll], chosen: null, gold: '', scores: { ll, words, bytes } };
    }
    case 'write': {
      const stop = options.renderChat ? [] : task.stop(options.style);
      const output = await scorer.write(context, { stop, maxNewTokens: task.maxNewTokens, reading });
      const grade: Grade = await task.grade(row, output, options.style, options.runCode);
      return { output, chosen: grade.chosen, gold: grade.gold, scores: grade.scores };
    }
  }
}

/** Both accuracies of a multiple choice: by the sum, and by the sum per character. */
function choiceAnswer({ doc }: Question, loglikelihood: readonly number[]): Answer {
  const gold = doc.gold!;
  const lengths = choiceLengths(doc.choices!);
  const bySum = argmax(loglikelihood);
  const byLength = argmax(loglikelihood.map((ll, i) => ll / lengths[i]));
  const scores = { acc_norm: Number(byLength === gold), acc: Number(bySum === gold) };
  return { loglikelihood, chosen: doc.chooseBy === 'acc' ? bySum : byLength, gold, scores };
}
