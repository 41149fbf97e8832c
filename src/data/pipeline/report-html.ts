// The report as one page without scripts: what is left after each stage, why documents went, and samples of those that
// went beside those that stayed.

import { escaped, reportPage } from '../report-page.ts';
import { percent, type Report, sortedReasons, warningsOf, whole } from './report.ts';
import { numRemoved, type Sample, type Tally } from './tally.ts';

export function reportHtml(report: Report): string {
  const { name, description, read, kept, tallies } = report;
  const warnings = warningsOf(report).map((warning) => `<li class="warn">${escaped(warning)}</li>`);
  return reportPage(
    name,
    `<p>${escaped(description)}</p>` +
      `<p>${whole(kept)} of ${whole(read)} documents stay (${percent(kept, read)}).</p>` +
      (warnings.length > 0 ? `<ul>${warnings.join('')}</ul>` : '') +
      `<h2>What is left after each stage</h2>${funnel(tallies, read)}` +
      `<h2>Why documents went</h2>${reasons(tallies)}` +
      `<h2>Samples</h2>${tallies.map(samples).join('')}`,
  );
}

/** A bar a stage: documents that stay of all that were read. */
function funnel(tallies: readonly Tally[], read: number): string {
  const bars = tallies.map((tally, i) => ({
    label: tally.name,
    share: read === 0 ? 0 : tally.kept / read,
    text: `${whole(tally.kept)} (${percent(tally.kept, read)}), ${whole(numRemoved(tally))} removed`,
    y: i * 26,
  }));
  return barChart(bars, '#3a7ca5');
}

function reasons(tallies: readonly Tally[]): string {
  const all = tallies.flatMap((tally) =>
    sortedReasons(tally).map(([reason, number]) => ({ label: `${tally.name}: ${reason}`, number })),
  );
  if (all.length === 0) return '<p>None did.</p>';
  const most = Math.max(...all.map(({ number }) => number));
  const bars = all.map(({ label, number }, i) => ({
    label,
    share: number / most,
    text: whole(number),
    y: i * 26,
  }));
  return barChart(bars, '#b4553a');
}

function barChart(
  bars: readonly { label: string; share: number; text: string; y: number }[],
  colour: string,
): string {
  const rows = bars.map(
    ({ label, share, text, y }) =>
      `<text x="0" y="${y + 16}">${escaped(label)}</text>` +
      `<rect x="330" y="${y + 3}" width="${(share * 380).toFixed(1)}" height="18" fill="${colour}"/>` +
      `<text x="${(336 + share * 380).toFixed(1)}" y="${y + 16}">${escaped(text)}</text>`,
  );
  return `<svg viewBox="0 0 980 ${bars.length * 26}" width="100%" role="img">${rows.join('')}</svg>`;
}

function samples(tally: Tally): string {
  const stayed = tally.samples.kept.map(sampleHtml);
  return sortedReasons(tally)
    .map(([reason, number]) => {
      const gone = (tally.samples.removed[reason] ?? []).map((sample) => sampleHtml(sample, true));
      return (
        `<details><summary>${escaped(tally.name)}: ${escaped(reason)} (${whole(number)})</summary>` +
        `<div class="pair"><div><h3>Removed</h3>${gone.join('')}</div>` +
        `<div><h3>Kept by this stage</h3>${stayed.slice(0, gone.length).join('')}</div></div></details>`
      );
    })
    .join('');
}

function sampleHtml({ id, text, because }: Sample, isGone: unknown): string {
  const why = because === undefined ? '' : `<div class="why">${escaped(because)}</div>`;
  return `<div class="sample${isGone === true ? ' gone' : ''}"><b>${escaped(id)}</b>${why}${escaped(text)}</div>`;
}
