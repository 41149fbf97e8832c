// `smollm2 eval`: benchmarks on a model or a server, and `smollm2 eval compare A B`: two runs question by
// question.

import { basename } from 'node:path';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import { compareRuns, type TaskComparison } from '../eval/compare-runs.ts';
import { ModelScorer } from '../eval/model-scorer.ts';
import { htmlReport, markdownReport, type Report, reportOf } from '../eval/report.ts';
import type { RunOptions } from '../eval/runner.ts';
import { type Progress, runTasks } from '../eval/runner.ts';
import type { RunSettings, Sample } from '../eval/sample.ts';
import type { Scorer } from '../eval/scoring.ts';
import { ServerScorer } from '../eval/server-scorer.ts';
import type { RunCode, Task } from '../eval/task.ts';
import { tasksNamed } from '../eval/task-list.ts';
import { runInSandbox } from '../node/eval/js-sandbox.ts';
import { runPython } from '../node/eval/python-sandbox.ts';
import { openResultFile, readResultFile } from '../node/eval/result-file.ts';
import { FolderRows, HubRows } from '../node/eval/rows.ts';
import { writeText } from '../node/write-file.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, loadOptions, openModel } from './model-options.ts';
import { jsonPoster } from './post-json.ts';
import { interruptSignal, print, Status } from './terminal.ts';

export const evalCommand = engineOptions(
  new Command(
    'eval [...words]',
    "Benchmarks of the SmolLM2 paper; 'eval compare A B' compares two result files",
  )
    .option(
      '--tasks <names>',
      'names with commas between: piqa, arc, openbook_qa, …; choices for the six short ones',
    )
    .option('--style <style>', 'lighteval (default: as SmolLM2 was scored) or lm-eval')
    .option('--data <folder>', 'rows from local files instead of the Hugging Face hub')
    .option('--out <file>', 'append each sample to this JSONL file; a run that was stopped goes on from it')
    .option('--rows <first-last>', 'only these rows of each data file, counted from 0')
    .option('--limit <n>', 'only the first n questions in shuffled order')
    .option('--shots <n>', "examples in front of each question (default: the task's)")
    .option('--seed <n>', 'of the shuffle and of the drawn examples (default: 42)')
    .option('--chat', "ask through the model's chat template")
    .option('--python <file>', "run HumanEval's Python answers with this interpreter, under limits")
    .option('--url <url>', 'evaluate a server, such as http://localhost:8080/v1')
    .option('--report <file>', 'write the figures as .json, .md or .html; may be repeated')
    .option('--json', 'print the figures as JSON')
    .example('$ smollm2 eval --tasks piqa,arc --model 135m-instruct --out run.jsonl')
    .example('$ smollm2 eval compare run.jsonl other.jsonl'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const [word, ...files] = args.words;
  if (word === 'compare' && files.length === 2) return compare(args, files[0], files[1]);
  if (word !== undefined)
    throw new RangeError(`eval: expected options or compare A B, got ${args.words.join(' ')}`);
  const names = args
    .text('tasks')
    ?.split(',')
    .map((name) => name.trim());
  if (!names) throw new RangeError('--tasks: expected names of benchmarks, got none; try --tasks piqa');
  const tasks = tasksNamed(names);
  const runCode = codeRunner(args.text('python'), tasks);
  const rows = rowRange(args.text('rows'));
  const limit = args.count('limit');
  if (rows && limit) throw new RangeError('--limit: expected without --rows, got both');
  for (const path of args.texts('report')) formatOf(path);
  const settings = settingsOf(args);
  const status = new Status();
  const signal = interruptSignal();
  const folder = args.text('data');
  const note = (text: string) => status.note(text);
  const source = folder ? new FolderRows(folder) : new HubRows({ env: process.env, signal, onNote: note });
  const out = args.text('out');
  const results = out === undefined ? undefined : await openResultFile(out, settings);
  const { scorer, renderChat, close } = await openScorer(args, status, signal, settings);
  try {
    const samples = await runTasks(tasks, source, scorer, {
      ...settings,
      rows,
      renderChat,
      signal,
      shots: args.count('shots', 0),
      limit,
      runCode,
      known: results?.known,
      onSample: (sample) => results?.append(sample),
      onProgress: progressPrinter(status),
    });
    status.clear();
    await publish(args, samples);
  } catch (error) {
    if (signal.aborted && out) status.note(`stopped; the same command goes on with ${out}`);
    throw error;
  } finally {
    status.clear();
    await results?.close();
    await close();
  }
}

function settingsOf(args: Arguments): RunSettings {
  const model = args.text('model') ?? (args.text('url') ? 'default' : DEFAULT_MODEL);
  return {
    model: /[\\/]/.test(model) && /\.gguf$/.test(model) ? basename(model) : model,
    engine: engineOf(args),
    style: args.choice('style', ['lighteval', 'lm-eval']) ?? 'lighteval',
    chat: args.flag('chat'),
    seed: args.count('seed', 0) ?? 42,
  };
}

function codeRunner(python: string | undefined, tasks: readonly Task[]): RunCode {
  const task = tasks.find((candidate) => candidate.kind === 'write' && candidate.runs === 'python');
  if (task && !python) {
    throw new RangeError(
      `--python: expected an interpreter that may run the answers of ${task.name}, got none; humaneval_js needs none`,
    );
  }
  return (program, language) => (language === 'python' ? runPython(python!, program) : runInSandbox(program));
}

function engineOf(args: Arguments): string {
  if (args.text('url') !== undefined) return 'server';
  const { engine = 'wasm', precision = 'fast' } = loadOptions(args);
  return engine === 'wasm' ? `wasm ${precision}` : engine;
}

/** `0-199` as [0, 199]. */
function rowRange(text: string | undefined): [number, number] | undefined {
  if (text === undefined) return undefined;
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (last === undefined) throw new RangeError(`--rows: expected first-last such as 0-199, got "${text}"`);
  return [Number(first), Number(last)];
}

interface OpenedScorer {
  readonly scorer: Scorer;
  readonly renderChat?: RunOptions['renderChat'];
  close(): Promise<void>;
}

async function openScorer(
  args: Arguments,
  status: Status,
  signal: AbortSignal,
  settings: RunSettings,
): Promise<OpenedScorer> {
  const url = args.text('url');
  if (url !== undefined) {
    if (settings.chat)
      throw new RangeError('--chat: expected without --url: the template is in the model file');
    const post = jsonPoster(url, process.env.OPENAI_API_KEY, signal);
    return { scorer: new ServerScorer(post, settings.model), close: async () => {} };
  }
  const { smol } = await openModel(args, status, signal);
  const { template } = smol;
  if (settings.chat && !template)
    throw new RangeError('--chat: expected a model with a chat template, got none');
  const scorer = new ModelScorer(smol.model, smol.tokenizer);
  return {
    scorer,
    renderChat: settings.chat
      ? (messages) => template!.guarded(smol.tokenizer.specialTexts, messages, { addGenerationPrompt: true })
      : undefined,
    close: async () => {
      scorer.close();
      await smol.close();
    },
  };
}

/** How far the run is, and how long the rest will take at the rate so far. */
function progressPrinter(status: Status): (progress: Progress) => void {
  const startedAt = performance.now();
  return ({ task, done, total, computed }) => {
    const perQuestionMs = (performance.now() - startedAt) / Math.max(1, computed);
    const left = timeText(((total - done) * perQuestionMs) / 1000);
    status.progress(`${task} (${left} left)`, done, total, 'questions');
  };
}

function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

async function publish(args: Arguments, samples: readonly Sample[]): Promise<void> {
  const report = reportOf(samples);
  for (const path of args.texts('report')) await writeText(path, formatted(report, path));
  await print(args.flag('json') ? `${JSON.stringify(report)}\n` : markdownReport(report));
}

function formatted(report: Report, path: string): string {
  const format = formatOf(path);
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  return format === 'md' ? markdownReport(report) : htmlReport(report);
}

function formatOf(path: string): string {
  const format = /\.(json|md|html)$/.exec(path)?.[1];
  if (format) return format;
  throw new RangeError(`--report: expected a file name with .json, .md or .html, got ${path}`);
}

async function compare(args: Arguments, first: string, second: string): Promise<void> {
  const comparisons = compareRuns(await readResultFile(first), await readResultFile(second));
  await print(
    args.flag('json') ? `${JSON.stringify(comparisons)}\n` : comparisons.map(comparisonText).join('\n'),
  );
}

/** At most so many differing questions are listed; `--json` has them all. */
const LISTED = 20;

function comparisonText(comparison: TaskComparison): string {
  const { task, common, sameChoice, onlyInFirst, onlyInSecond } = comparison;
  const { scores, maxDelta, meanDelta, disagreements } = comparison;
  const percent = (value: number) => (value * 100).toFixed(2);
  const counts = `${task}: ${common} questions in both, ${onlyInFirst} and ${onlyInSecond} in one only`;
  if (common === 0) return `${counts}\n`;
  const lines = [
    counts,
    `  same choice ${sameChoice} (${percent(sameChoice / common)} %)`,
    `  scores ${scores.map(percent).join(' and ')}`,
  ];
  if (!Number.isNaN(maxDelta)) {
    lines.push(
      `  log-likelihoods apart by at most ${maxDelta.toPrecision(3)}, ${meanDelta.toPrecision(3)} on average`,
    );
  }
  for (const { row, chosen, gold, margin } of disagreements.slice(0, LISTED)) {
    const by = margin === undefined ? '' : `, margin ${margin.toFixed(4)}`;
    lines.push(
      `  row ${row}: ${JSON.stringify(chosen[0])} and ${JSON.stringify(chosen[1])}, gold ${gold}${by}`,
    );
  }
  if (disagreements.length > LISTED) lines.push(`  and ${disagreements.length - LISTED} more`);
  return `${lines.join('\n')}\n`;
}
