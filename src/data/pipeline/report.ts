// What a run did, from the tallies of all its ranks: as numbers, as Markdown, and as the card of the dataset. The page
// with pictures is report-html.ts.

import type { PipelineRecipe } from './recipe.ts';
import { added, numRemoved, type Tally } from './tally.ts';

/** One rank's part of one phase. */
export interface RankStats {
  readonly phase: number;
  readonly rank: number;
  readonly tallies: readonly Tally[];
  readonly numRepaired: number;
  readonly numRepeatedIds: number;
  readonly numCheckedIds: number;
  /** Seconds by the clock, not of the processor. */
  readonly seconds: number;
}

export interface Report {
  readonly name: string;
  readonly description: string;
  readonly license: string | undefined;
  readonly version: string;
  readonly unicode: string;
  readonly files: readonly string[];
  readonly world: number;
  readonly stages: readonly { readonly name: string; readonly options: unknown }[];
  /** The reader first, then every stage in order. */
  readonly tallies: readonly Tally[];
  readonly read: number;
  readonly kept: number;
  readonly charsRead: number;
  readonly charsKept: number;
  readonly numRepaired: number;
  readonly numRepeatedIds: number;
  readonly numCheckedIds: number;
  readonly seconds: number;
}

/** @param stats of every phase and rank */
export function reportOf(
  recipe: PipelineRecipe,
  stats: readonly RankStats[],
  run: {
    readonly files: readonly string[];
    readonly world: number;
    readonly version: string;
    readonly unicode: string;
  },
): Report {
  const phases = [...new Set(stats.map(({ phase }) => phase))].sort((a, b) => a - b);
  const tallies = phases.flatMap((phase) => {
    const parts = stats.filter((part) => part.phase === phase);
    return parts[0].tallies.map((_, s) => parts.map((part) => part.tallies[s]).reduce(added));
  });
  const sum = (value: (part: RankStats) => number) => stats.reduce((total, part) => total + value(part), 0);
  const last = tallies[tallies.length - 1];
  return {
    name: recipe.name,
    description: recipe.description,
    license: recipe.license,
    ...run,
    stages: recipe.stages.map(({ name, options }) => ({ name, options })),
    tallies,
    read: tallies[0].read,
    kept: last.kept,
    charsRead: tallies[0].charsRead,
    charsKept: last.charsKept,
    numRepaired: sum((part) => (part.phase === 0 ? part.numRepaired : 0)),
    numRepeatedIds: sum((part) => part.numRepeatedIds),
    numCheckedIds: sum((part) => part.numCheckedIds),
    seconds: sum(({ seconds }) => seconds),
  };
}

/** What a reader of the report should not miss. */
export function warningsOf({ tallies, read, numRepeatedIds, numCheckedIds, numRepaired }: Report): string[] {
  const warnings = tallies
    .filter((tally) => tally.read > 0 && tally.kept === 0)
    .map((tally) => `${tally.name} kept none of ${whole(tally.read)} documents`);
  if (read === 0) warnings.push('the input held no documents');
  if (numRepeatedIds > 0) {
    warnings.push(
      `${whole(numRepeatedIds)} ids came before, among the ${whole(numCheckedIds)} that were compared`,
    );
  }
  if (numRepaired > 0) warnings.push(`${whole(numRepaired)} lines held bytes that are no UTF-8: U+FFFD now`);
  const braces = tallies.reduce((sum, tally) => sum + (tally.removed.curly_bracket ?? 0), 0);
  if (braces > 0)
    warnings.push(`${whole(braces)} documents went for a brace: LaTeX and program text have them`);
  return warnings;
}

export function reportMarkdown(report: Report): string {
  const { tallies, read, kept, charsRead, charsKept } = report;
  const rows = tallies.map(
    (tally) =>
      `| ${tally.name} | ${whole(tally.read)} | ${whole(tally.kept)} | ${whole(numRemoved(tally))} | ` +
      `${percent(tally.kept, read)} | ${whole(tally.edited)} | ${(tally.ms / 1000).toFixed(1)} |`,
  );
  const reasons = tallies.flatMap((tally) =>
    sortedReasons(tally).map(
      ([reason, number]) =>
        `| ${tally.name} | ${reason} | ${whole(number)} | ${percent(number, tally.read)} |`,
    ),
  );
  const warnings = warningsOf(report).map((warning) => `- ${warning}`);
  return [
    `# ${report.name}`,
    report.description,
    `${whole(kept)} of ${whole(read)} documents stay (${percent(kept, read)}), ` +
      `${whole(charsKept)} of ${whole(charsRead)} characters (${percent(charsKept, charsRead)}).`,
    warnings.join('\n'),
    '| stage | read | kept | removed | of all | edited | seconds |\n| --- | --: | --: | --: | --: | --: | --: |\n' +
      rows.join('\n'),
    reasons.length > 0
      ? `| stage | reason | removed | of what it read |\n| --- | --- | --: | --: |\n${reasons.join('\n')}`
      : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

/** README.md of the output folder, with the fields that dataset hubs read. */
export function datasetCard(report: Report, format: string): string {
  const stages = report.stages.map(({ name, options }, i) => {
    const given = Object.entries(options as object).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
    return `${i + 1}. \`${name}\`${given.length > 0 ? `: ${given.join(', ')}` : ''}`;
  });
  const head = [
    '---',
    `pretty_name: ${JSON.stringify(report.name)}`,
    ...(report.license === undefined ? [] : [`license: ${JSON.stringify(report.license)}`]),
    'task_categories:\n- text-generation',
    `size_categories:\n- ${sizeCategory(report.kept)}`,
    `configs:\n- config_name: default\n  data_files: output/*.${format}`,
    '---',
  ];
  return (
    `${head.join('\n')}\n\n${reportMarkdown(report)}\n## How it was made\n\n` +
    `smollm2 ${report.version}, Unicode ${report.unicode}, ${report.files.length} input files. Stages, in order:\n\n` +
    `${stages.join('\n')}\n`
  );
}

export function sortedReasons(tally: Tally): [reason: string, number: number][] {
  return Object.entries(tally.removed).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

export function percent(part: number, all: number): string {
  return all === 0 ? '–' : `${((100 * part) / all).toFixed(1)} %`;
}

export function whole(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

function sizeCategory(numRows: number): string {
  const steps: [below: number, name: string][] = [
    [1e3, 'n<1K'],
    [1e4, '1K<n<10K'],
    [1e5, '10K<n<100K'],
    [1e6, '100K<n<1M'],
    [1e7, '1M<n<10M'],
    [1e8, '10M<n<100M'],
  ];
  return steps.find(([below]) => numRows < below)?.[1] ?? '100M<n<1B';
}
