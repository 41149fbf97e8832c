// What a comparison found, as text for a terminal and as JSON for scripts. The picture is report-html.ts.

import { CAUSES } from './causes/all.ts';
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
export function pointLine({ name, maxAbs, bound, explained, judged, ratio }: DiffPoint): string {
  const verdict = explained ? 'explained' : judged ? 'NOT EXPLAINED' : 'not judged';
  const numbers = `${shortNumber(maxAbs).padStart(10)} ${shortNumber(bound).padStart(10)}`;
  return `${name.padEnd(48)}${numbers} ${ratio.toPrecision(2).padStart(9)}  ${verdict}`;
}

const COLUMNS = ['bound', 'of bound'].map((column) => ` ${column.padStart(9)}`).join('');
export const POINT_HEADER = `${'point'.padEnd(48)}${'max |a - b|'.padStart(10)}${COLUMNS}`;

/** What was found, in sentences. */
export function verdictText(report: DiffReport): string {
  const { notes, untested, faults } = report;
  const lines = notes.map((note) => `note: ${note}`);
  lines.push(`Verdict: ${report.verdict}. ${shareText(report)}`);
  if (report.first === null) lines.push(...nothingWrong(report));
  else {
    lines.push(firstText(report), ...causeText(report));
    for (const { point, cause, detail } of faults.slice(1)) {
      lines.push(
        `Taken as known, the next that is off is ${point}: ${summaryOf(cause)} [${cause}]: ${detail}.`,
      );
    }
  }
  if (untested.length > 0) {
    lines.push(`Could not be tested without the model (--model): ${untested.join(', ')}.`);
  }
  return lines.join('\n');
}

/** How much of the network the verdict is about. */
function shareText({ points, judged, uncovered, ids }: DiffReport): string {
  const numJudged = points.filter((point) => point.judged).length;
  const total = judged > 0 ? Math.round(numJudged / judged) : points.length;
  const rows = ids ? ` over ${ids.length} tokens` : '';
  const rest =
    uncovered.length === 0
      ? 'together they depend on the whole network'
      : `${total - uncovered.length} of the network's points are among what they depend on and found right`;
  return `${numJudged} of ${total} points were judged by themselves${rows}; ${rest}.`;
}

function nothingWrong({ verdict, points, format, accepted, reason, uncovered }: DiffReport): string[] {
  const known = accepted.length > 0 ? ` and what was accepted (${accepted.join(', ')})` : '';
  if (verdict === 'right') {
    return [
      `All ${points.length} points are explained by ${format} arithmetic${known}: ` +
        'the two programs compute the same thing.',
    ];
  }
  const [next] = uncovered;
  const advice = next
    ? ` To judge more, dump ${adviceFor(uncovered)}.`
    : ' Give a text of 16 tokens or more.';
  return [`Nothing that was judged is wrong, but ${reason}.${advice}`];
}

/** What to dump next: the logits where they are missing, or else points nearer to each other. */
function adviceFor(uncovered: readonly string[]): string {
  if (uncovered.length <= 3 && uncovered.includes('lm_head')) return 'lm_head (the logits) as well';
  return `points from ${uncovered[0]} on, nearer to each other (every layer's output, then its modules)`;
}

function firstText({ first, points, format }: DiffReport): string {
  const point = points.find(({ name }) => name === first);
  const size = point
    ? ` (off by up to ${shortNumber(point.maxAbs)}, ${shortNumber(point.ratio)} times its bound, ` +
      `at token ${point.worst[0]}, column ${point.worst[1]})`
    : '';
  return `The first point that its inputs and ${format} arithmetic do not explain is ${first}${size}.`;
}

function summaryOf(id: string): string {
  return CAUSES.find((cause) => cause.id === id)?.summary ?? id;
}

function causeText({ cause, candidates, narrowing, reason, scales, verdict }: DiffReport): string[] {
  if (cause === 'input-ids') return [`The tokens differ: ${candidates[0].detail}.`];
  const found = CAUSES.find(({ id }) => id === cause);
  if (found) {
    const all = `${candidates[0].leaves <= 1 ? 'leaves nothing beyond its bounds' : 'with the next, leaves nothing'}`;
    return [
      `The cause is ${found.summary} [${found.id}]: ${candidates[0].detail} (${all}).`,
      `Look at: ${found.advice}.`,
    ];
  }
  const lines: string[] = [];
  if (reason) lines.push(`It cannot be called wrong: ${reason}.`);
  if (scales) {
    const list = scales.scales.map(({ arithmetic, rms }) => `${arithmetic} ${shortNumber(rms)}`);
    lines.push(`The difference is ${shortNumber(scales.own)} (rms); measured here: ${list.join(', ')}.`);
  }
  lines.push('No known cause explains it. What can be said:');
  lines.push(...(narrowing?.findings ?? []).map((finding) => `  - ${finding}`));
  const nearest = candidates.slice(0, 3).filter(({ fit }) => fit > 0.2);
  for (const { cause: id, detail, leaves } of nearest) {
    lines.push(`  - nearest: ${id} (${detail}), which leaves ${shortNumber(leaves)} bounds`);
  }
  if (verdict === 'cannot-judge' || scales)
    lines.push('To find the place, dump more points (see docs/guides/diff.md).');
  return lines;
}

/** The object that `diff --json` prints; `maxAbs` of NaN and infinities is the largest number there is. */
export function reportJson(report: DiffReport): object {
  const { reference, candidate, verdict, reason, judged, first, cause, candidates, faults } = report;
  const { narrowing, scales, points, format, untested, notes } = report;
  return {
    first,
    cause,
    candidates,
    points: points.map(({ name, maxAbs, bound, explained, judged: isJudged, ratio, relative, worst }) => ({
      name,
      maxAbs: Math.min(maxAbs, Number.MAX_VALUE), // JSON knows no infinity
      bound,
      explained,
      judged: isJudged,
      ratio,
      relative: Number.isFinite(relative) ? relative : Number.MAX_VALUE,
      worst,
    })),
    verdict,
    ...(reason ? { reason } : {}),
    judged,
    faults,
    ...(narrowing ? { narrowing } : {}),
    ...(scales ? { scales } : {}),
    format,
    reference,
    candidate,
    untested,
    notes,
  };
}
