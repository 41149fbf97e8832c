// Verdicts and the list of exercises as text for a terminal.

import type { Exercise } from './exercise.ts';
import type { Verdict } from './grade.ts';

/** Numbers shown around the first difference. */
const SHOWN = 8;

/** The list: a mark for what is done, minutes, importance as dots. */
export function listText(exercises: readonly Exercise[], right: readonly string[]): string {
  const lines = exercises.map(({ name, chapter, title, minutes, importance }) => {
    const mark = right.includes(name) ? '✓' : ' ';
    const dots = '●'.repeat(importance).padEnd(3, '○');
    return `${mark} ${String(chapter).padStart(2)}  ${name.padEnd(17)} ${String(minutes).padStart(3)} min ${dots}  ${title}`;
  });
  const numRight = exercises.filter(({ name }) => right.includes(name)).length;
  const next = exercises.find(({ name }) => !right.includes(name));
  const end = next
    ? `${numRight} of ${exercises.length} done. Next: npm run exercise ${next.name}`
    : `All ${exercises.length} are done: every part of a language model, written by you.`;
  return [...lines, '', '●●● matters most', end].join('\n');
}

/** `; did you mean rope?`, or nothing. */
export function nearestName(exercises: readonly Exercise[], name: string): string {
  const near = exercises.find((one) => one.name.startsWith(name.slice(0, 3)));
  return near ? `; did you mean ${near.name}?` : '; npm run exercise shows the list';
}

export interface VerdictTextOptions {
  /** What the code printed. */
  readonly lines?: readonly string[];
  /** How many of the three rungs of help to show. */
  readonly rungs?: number;
}

/** A verdict in lines: what it is, the table of the first case that fails, and help. */
export function verdictText(exercise: Exercise, verdict: Verdict, options: VerdictTextOptions = {}): string {
  const { lines: printed = [], rungs = 1 } = options;
  const isRight = verdict.state.startsWith('right');
  const lines = [...printed.map((line) => `  | ${line}`)];
  lines.push(`${isRight ? '✓' : '▲'} ${exercise.name}: ${verdict.message}`);
  if (isRight) {
    lines.push(...exercise.why.map((reason) => `  · ${reason}`));
    lines.push(`  Compare: npm run exercise ${exercise.name} -- --solution`);
    return lines.join('\n');
  }
  if (verdict.case) lines.push(`  case: ${verdict.case}`);
  if (verdict.got && verdict.want) lines.push(...tableText(verdict.got, verdict.want, verdict.at ?? 0));
  for (const finding of verdict.findings ?? []) lines.push(`  · ${finding}`);
  for (const help of verdict.hint ?? []) {
    if (rungs >= 2) lines.push(`  ${help.formula}`);
    if (rungs >= 3) lines.push(...help.line.split('\n').map((line) => `    ${line}`));
  }
  if (verdict.state !== 'unfinished') {
    if (verdict.hint && rungs < 3) lines.push('  (the next run shows more)');
    lines.push(`  Show me now: npm run exercise ${exercise.name} -- --solution`);
  }
  return lines.join('\n');
}

/** Two rows, got and want, around the first difference, which is marked by ▲ in a third. */
function tableText(got: readonly number[], want: readonly number[], at: number): string[] {
  const begin = Math.max(0, Math.min(at - 2, want.length - SHOWN));
  const row = (values: readonly number[]) =>
    values.slice(begin, begin + SHOWN).map((value) => String(Number(value.toPrecision(6))));
  const indices = row(want).map((_, i) => String(begin + i));
  const mark = indices.map((_, i) => (begin + i === at ? '▲' : ''));
  const width = Math.max(12, ...[...row(got), ...row(want)].map((cell) => cell.length + 1));
  const line = (cells: readonly string[]) => cells.map((cell) => cell.padStart(width)).join('');
  return [
    `  index${line(indices)}`,
    `  got  ${line(row(got))}`,
    `  want ${line(row(want))}`,
    `       ${line(mark)}`.trimEnd(),
  ];
}
