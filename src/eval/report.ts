// What a run amounts to: the figures of every task with their standard errors, next to the published ones; as
// data for JSON, as a Markdown table, and as a page whose bars are plain CSS (a plotting library would
// outweigh the rest).

import { type Metric, mean, meansOf } from './metrics.ts';
import { publishedScore } from './published.ts';
import type { Sample } from './sample.ts';
import { TASKS } from './task-list.ts';

/** The figures of one task, or of a group such as `arc`. */
export interface TaskReport {
  readonly task: string;
  readonly samples: number;
  readonly shots: number;
  readonly metrics: readonly Metric[];
  /** Percent, of the first metric, where the model's authors published one. */
  readonly published?: number;
}

export interface Report {
  readonly model: string;
  readonly engine?: string;
  readonly style: string;
  readonly chat: boolean;
  readonly seed: number;
  readonly tasks: readonly TaskReport[];
}

/** Metric that stands next to the published score, where it is not the first one. */
const HEADLINE: Readonly<Record<string, string>> = { ifeval: 'average_strict' };

/**
 * Figures of the samples of one run.
 *
 * @throws RangeError when there are none
 */
export function reportOf(samples: readonly Sample[]): Report {
  if (samples.length === 0) throw new RangeError('report: expected at least one sample, got none');
  const { model, engine, style, chat, seed } = samples[0];
  const byTask = new Map<string, Sample[]>();
  for (const sample of samples) {
    const members = byTask.get(sample.task);
    if (members) members.push(sample);
    else byTask.set(sample.task, [sample]);
  }
  const tasks = [...byTask].map(([task, members]) => taskReport(model, task, members));
  return { model, engine, style, chat, seed, tasks: [...tasks, ...groupReports(model, tasks)] };
}

function taskReport(model: string, name: string, samples: readonly Sample[]): TaskReport {
  const task = TASKS.find((candidate) => candidate.name === name);
  const scores = samples.map((sample) => sample.scores);
  const metrics = orderedMetrics(name, task?.summary?.(scores) ?? meansOf(scores));
  const published = publishedScore(model, name);
  return { task: name, samples: samples.length, shots: samples[0].shots, metrics, published };
}

function orderedMetrics(task: string, metrics: readonly Metric[]): Metric[] {
  const headline = HEADLINE[task];
  return [...metrics].sort((a, b) => Number(b.name === headline) - Number(a.name === headline));
}

/**
 * Means over the parts of `arc` and `bbh`, each part with the same weight, as the model cards average them.
 */
function groupReports(model: string, tasks: readonly TaskReport[]): TaskReport[] {
  return ['arc', 'bbh'].flatMap((group) => {
    const parts = tasks.filter(({ task }) => task.startsWith(`${group}:`));
    if (parts.length < 2) return [];
    const metrics = parts[0].metrics.map(({ name }) => {
      const figures = parts.map((part) => part.metrics.find((metric) => metric.name === name)!);
      const squares = figures.map(({ standardError = 0 }) => standardError ** 2);
      const standardError = Math.sqrt(squares.reduce((sum, square) => sum + square, 0)) / parts.length;
      return { name, value: mean(figures.map(({ value }) => value)), standardError };
    });
    const samples = parts.reduce((sum, part) => sum + part.samples, 0);
    const published = publishedScore(model, group);
    return [{ task: group, samples, shots: parts[0].shots, metrics, published }];
  });
}

/** A share in percent, a perplexity as it is; with ± one standard error. */
function figure({ name, value, standardError }: Metric): string {
  const isShare = !/ppl|perplexity|followed|instructions/.test(name);
  const scale = isShare ? 100 : 1;
  const error = standardError === undefined ? '' : ` ± ${(standardError * scale).toFixed(isShare ? 1 : 2)}`;
  return (value * scale).toFixed(isShare ? 1 : 2) + error;
}

function interval({ value, standardError = 0 }: Metric): string {
  const ends = [value - 1.96 * standardError, value + 1.96 * standardError];
  return ends.map((end) => (Math.min(1, Math.max(0, end)) * 100).toFixed(1)).join(' to ');
}

const HEADINGS = ['task', 'questions', 'shots', 'metric', 'score ± standard error', '95 %', 'published'];

function cellsOf(report: Report): string[][] {
  return report.tasks.flatMap(({ task, samples, shots, metrics, published }) =>
    metrics.map((metric, i) => {
      const isShare = !/ppl|perplexity/.test(metric.name) && metric.standardError !== undefined;
      const range = isShare ? interval(metric) : '';
      const card = i === 0 && published !== undefined ? published.toFixed(1) : '';
      return [task, String(samples), String(shots), metric.name, figure(metric), range, card];
    }),
  );
}

function titleOf({ model, engine, style, chat }: Report): string {
  return `${model}${engine ? `, ${engine}` : ''}, prompts of ${style}${chat ? ' through the chat template' : ''}`;
}

/** A report as Markdown: one table of all tasks. */
export function markdownReport(report: Report): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = HEADINGS.map(() => '---');
  return [titleOf(report), '', ...[HEADINGS, rule, ...cellsOf(report)].map(line), ''].join('\n');
}

const STYLE_SHEET = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;text-align:left;border-bottom:1px solid #ddd}
.bar{position:relative;height:1rem;background:#eee;min-width:14rem}
.bar i{position:absolute;inset:0 auto 0 0;background:#4878a8}
.bar b{position:absolute;top:0;bottom:0;background:#0006}
.bar u{position:absolute;top:-2px;bottom:-2px;width:3px;background:#c33}`;

/** A page of its own: the table, with a bar per share, its 95 % interval dark and the published score red. */
export function htmlReport(report: Report): string {
  const metrics = report.tasks.flatMap(({ metrics, published }) =>
    metrics.map((metric, i) => ({ metric, published: i === 0 ? published : undefined })),
  );
  const rows = cellsOf(report).map((cells, i) => {
    const columns = cells.map((cell) => `<td>${escaped(cell)}</td>`).join('');
    return `<tr>${columns}<td>${bar(metrics[i].metric, metrics[i].published)}</td></tr>`;
  });
  const title = escaped(titleOf(report));
  const head = [...HEADINGS, ''].map((heading) => `<th>${escaped(heading)}</th>`).join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>${STYLE_SHEET}</style><h1>${title}</h1>
<p>Bars are shares from 0 to 100 %; dark: 95 % interval; red: published score.</p>
<table><tr>${head}</tr>${rows.join('\n')}</table></html>\n`;
}

function bar({ value, standardError = 0 }: Metric, published: number | undefined): string {
  if (!(value >= 0 && value <= 1)) return '';
  const percent = (x: number) => `${(Math.min(1, Math.max(0, x)) * 100).toFixed(2)}%`;
  const range = `left:${percent(value - 1.96 * standardError)};width:${percent(3.92 * standardError)}`;
  const card = published === undefined ? '' : `<u style="left:${percent(published / 100)}"></u>`;
  return `<div class="bar"><i style="width:${percent(value)}"></i><b style="${range}"></b>${card}</div>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
