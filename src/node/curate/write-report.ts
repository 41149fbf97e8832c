// The report of a finished run, in its four forms.

import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { PipelineRecipe } from '../../data/pipeline/recipe.ts';
import {
  datasetCard,
  type RankStats,
  type Report,
  reportMarkdown,
  reportOf,
} from '../../data/pipeline/report.ts';
import { reportHtml } from '../../data/pipeline/report-html.ts';
import { writeText } from '../write-file.ts';
import type { Layout } from './outputs.ts';

export async function writeReport(
  layout: Layout,
  recipe: PipelineRecipe,
  files: readonly string[],
  world: number,
  numPhases: number,
): Promise<Report> {
  const stats: RankStats[] = [];
  for (let phase = 0; phase < numPhases; phase++) {
    for (let rank = 0; rank < world; rank++) {
      stats.push(JSON.parse(await readFile(layout.stats(phase, rank), 'utf8')));
    }
  }
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const run = { files, world, version, unicode: process.versions.unicode ?? 'unknown' };
  const report = reportOf(recipe, stats, run);
  await writeText(layout.report('json'), `${JSON.stringify(report, null, 1)}\n`);
  await writeText(layout.report('md'), reportMarkdown(report));
  await writeText(layout.report('html'), reportHtml(report));
  // A card that somebody has edited is theirs.
  if (!existsSync(layout.card)) await writeText(layout.card, datasetCard(report, recipe.format));
  return report;
}
