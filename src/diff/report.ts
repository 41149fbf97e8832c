// What a comparison found, as text for a terminal and as JSON for scripts. The picture is report-html.ts.

import { CAUSES } from './causes.ts';
import type { DiffPoint, DiffReport } from './diff.ts';

/** Causes by id with their summaries, one per line: what `diff --causes` prints. */
export function causesText(): string {
  const width = Math.max(...CAUSES.map(({ id }) => id.length));
  const lines = CAUSES.map(({ id, summary }) => `${id.padEnd(width)}  ${summary}`);
  return [`${'input-ids'.padEnd(width)}  other tokens than the reference`, ...lines].join('\n');
}

/** A number in four digits. */
export function shortNumber(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? value.toPrecision(4) : value.toExponential(2);
}

/** One line per point: name, error, bound, verdict. */
export function pointLine({ name, maxAbs, bound, explained, ratio }: DiffPoint): string {
  const verdict = explained ? 'explained' : 'NOT EXPLAINED';
  const numbers = `${shortNumber(maxAbs).padStart(10)} ${shortNumber(bound).padStart(10)}`;
  return `${name.padEnd(48)}${numbers} ${ratio.toPrecision(2).padStart(9)}  ${verdict}`;
}

const COLUMNS = ['bound', 'of bound'].map((column) => ` ${column.padStart(9)}`).join('');
export const POINT_HEADER = `${'point'.padEnd(48)}${'max |a - b|'.padStart(10)}${COLUMNS}`;

/** What was found, in sentences. */
export function verdictText(report: DiffReport): string {
  const { first, cause, candidates, points, narrowing, format, untested, notes } = report;
  const lines = notes.map((note) => `note: ${note}`);
  if (first === null) {
    const accepted =
      report.accepted.length > 0 ? ` and what was accepted (${report.accepted.join(', ')})` : '';
    lines.push(
      `All ${points.length} points are explained by ${format} arithmetic${accepted}: ` +
        'the two programs compute the same thing.',
    );
    return lines.join('\n');
  }
  const point = points.find(({ name }) => name === first);
  const size = point
    ? ` (off by up to ${shortNumber(point.ratio)} times its bound, ` +
      `at token ${point.worst[0]}, column ${point.worst[1]})`
    : '';
  lines.push(`The first point that its inputs and ${format} arithmetic do not explain is ${first}${size}.`);
  const found = CAUSES.find(({ id }) => id === cause);
  if (cause === 'input-ids') lines.push(`The tokens differ: ${candidates[0].detail}.`);
  else if (found) {
    lines.push(
      `The cause is ${found.summary} [${found.id}]: ${candidates[0].detail} ` +
        `(explains ${(100 * candidates[0].fit).toFixed(1)} %).`,
      `Look at: ${found.advice}.`,
    );
  } else {
    lines.push('No known cause fits. What can be said:');
    lines.push(...(narrowing?.findings ?? []).map((finding) => `  - ${finding}`));
  }
  const others = candidates.slice(cause === null ? 0 : 1, 4).filter(({ fit }) => fit > 0.2);
  if (others.length > 0) {
    const list = others.map((other) => `${other.cause} ${(100 * other.fit).toFixed(0)} %`);
    lines.push(`Fit less well: ${list.join(', ')}.`);
  }
  if (untested.length > 0) {
    lines.push(`Could not be tested without the model (--model): ${untested.join(', ')}.`);
  }
  return lines.join('\n');
}

/** The object that `diff --json` prints; `maxAbs` of NaN and infinities is the largest number there is. */
export function reportJson(report: DiffReport): object {
  const { reference, candidate, first, cause, candidates, narrowing, points, format, untested, notes } =
    report;
  return {
    first,
    cause,
    candidates,
    ...(narrowing ? { narrowing } : {}),
    points: points.map(({ name, maxAbs, bound, explained, ratio, relative, worst }) => ({
      name,
      maxAbs: Math.min(maxAbs, Number.MAX_VALUE), // JSON knows no infinity
      bound,
      explained,
      ratio,
      relative: Number.isFinite(relative) ? relative : Number.MAX_VALUE,
      worst,
    })),
    format,
    reference,
    candidate,
    untested,
    notes,
  };
}
