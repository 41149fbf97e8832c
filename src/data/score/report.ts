// What training a scorer found, for people: as text and as a page with the calibration drawn.

import { escaped, reportPage } from '../report-page.ts';
import type { ScorerReport } from './choose.ts';

type Cell = string | number;

interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Index of the row that was taken. */
  readonly chosen?: number;
}

export function scorerReportText(report: ScorerReport): string {
  const row = (cells: readonly Cell[]) => `| ${cells.join(' | ')} |`;
  const parts = tablesOf(report).map(({ title, head, rows }) =>
    [`${title}:`, '', row(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(row)].join('\n'),
  );
  return `${summary(report)}\n\n${parts.join('\n\n')}\n`;
}

export function scorerReportHtml(report: ScorerReport): string {
  const row = (cells: readonly Cell[], tag: string) =>
    cells.map((cell) => `<${tag}>${escaped(String(cell))}</${tag}>`).join('');
  const tables = tablesOf(report).map(({ title, head, rows, chosen }) => {
    const body = rows.map(
      (cells, i) => `<tr${i === chosen ? ' class="chosen"' : ''}>${row(cells, 'td')}</tr>`,
    );
    return `<h2>${escaped(title)}</h2><table><tr>${row(head, 'th')}</tr>${body.join('')}</table>`;
  });
  return reportPage(
    'A scorer',
    `<p>${escaped(summary(report))}</p>${tables.join('')}${calibrationPlot(report)}`,
  );
}

function summary({ numTexts, loss, numFolds, features, penalty }: ScorerReport): string {
  return (
    `${numTexts} texts, ${loss} regression on ${features} with penalty ${penalty}; every score here is of a text ` +
    `that its scorer had not seen (${numFolds} folds).`
  );
}

function tablesOf({ tried, features, penalty, thresholds, confusion, calibration }: ScorerReport): Table[] {
  const tables: Table[] = [
    {
      title: 'What was tried',
      head: ['features', 'penalty', 'AUC', 'squared error'],
      rows: tried.map((one) => [
        one.features,
        one.penalty,
        one.areaUnderCurve.toFixed(4),
        one.squaredError.toFixed(4),
      ]),
      chosen: tried.findIndex((one) => one.features === features && one.penalty === penalty),
    },
    {
      title: 'By threshold: what stays is at or above it',
      head: [
        'threshold',
        'macro F1',
        'precision',
        'recall',
        'kept',
        'good kept',
        'bad kept',
        'good lost',
        'bad gone',
      ],
      rows: thresholds.map((one) => [
        one.threshold,
        ...[one.macroF1, one.precision, one.recall, one.kept].map((value) => value.toFixed(3)),
        ...[one.truePositives, one.falsePositives, one.falseNegatives, one.trueNegatives],
      ]),
    },
  ];
  if (confusion) {
    const rows = confusion.map((counts, label) => [label, ...counts]);
    tables.push({ title: 'Label by rounded score', head: ['label', '0', '1', '2', '3', '4', '5'], rows });
  }
  tables.push({
    title: 'Calibration: tenths of the texts by score',
    head: ['mean score', 'mean label', 'texts'],
    rows: calibration.map((bin) => [bin.meanScore.toFixed(3), bin.meanLabel.toFixed(3), bin.count]),
  });
  return tables;
}

const SIZE = 320;
const MARGIN = 40;

/** Mean label over mean score; on the diagonal, a score means what it says. */
function calibrationPlot({ calibration, loss }: ScorerReport): string {
  const most = loss === 'logistic' ? 1 : 5;
  const place = (value: number) => (Math.min(Math.max(value / most, 0), 1) * SIZE).toFixed(1);
  const x = (value: number) => `${MARGIN + Number(place(value))}`;
  const y = (value: number) => `${10 + SIZE - Number(place(value))}`;
  const ticks = [0, most / 5, (2 * most) / 5, (3 * most) / 5, (4 * most) / 5, most].map((value) => {
    const text = String(Number(value.toFixed(1)));
    return (
      `<text x="${x(value)}" y="${SIZE + 28}" text-anchor="middle">${text}</text>` +
      `<text x="${MARGIN - 6}" y="${Number(y(value)) + 4}" text-anchor="end">${text}</text>`
    );
  });
  const points = calibration.map(({ meanScore, meanLabel }) => `${x(meanScore)},${y(meanLabel)}`);
  const dots = calibration.map(
    ({ meanScore, meanLabel, count }) =>
      `<circle cx="${x(meanScore)}" cy="${y(meanLabel)}" r="5" fill="#3a7ca5"><title>${count} texts</title></circle>`,
  );
  const halfway = 10 + SIZE / 2;
  return (
    `<svg viewBox="0 0 ${SIZE + MARGIN + 20} ${SIZE + 60}" width="${SIZE + MARGIN + 20}" role="img" ` +
    'aria-label="mean label over mean score">' +
    `<rect x="${MARGIN}" y="10" width="${SIZE}" height="${SIZE}" fill="none" stroke="#999"/>` +
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(most)}" y2="${y(most)}" stroke="#999" stroke-dasharray="4"/>` +
    `<polyline points="${points.join(' ')}" fill="none" stroke="#3a7ca5" stroke-width="2"/>${dots.join('')}` +
    `${ticks.join('')}<text x="${MARGIN + SIZE / 2}" y="${SIZE + 50}" text-anchor="middle">mean score</text>` +
    `<text x="12" y="${halfway}" text-anchor="middle" transform="rotate(-90 12 ${halfway})">mean label</text>` +
    '</svg>'
  );
}
