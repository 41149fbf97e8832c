// Writes the rows of a synthetic source, some side by side, in their order whoever is done first; counts
// why rows fall.

import type { Written } from '../../data/synthesize/writer.ts';
import type { ConversationRow } from './messages-output.ts';
import type { RowLog } from './row-log.ts';

export interface SynthesisReport {
  readonly rows: number;
  readonly kept: number;
  /** Rows by the reason why they fell. */
  readonly rejected: Readonly<Record<string, number>>;
}

export interface SynthesisOptions {
  readonly source: string;
  readonly rows: number;
  /** Rows written side by side. */
  readonly together: number;
  readonly onRow?: (done: number) => void;
  /** Where rows are kept as they come, and those of an interrupted run. */
  readonly log?: RowLog;
  /** For each row that was written, the earlier one that it repeats; asked once, at the end. */
  readonly repeats?: (questions: readonly string[]) => Promise<readonly (number | undefined)[]>;
}

export async function synthesize(
  write: (row: number) => Promise<Written>,
  { source, rows, together, onRow, log, repeats }: SynthesisOptions,
): Promise<{ kept: ConversationRow[]; fallen: Written[]; report: SynthesisReport }> {
  const written: Written[] = [];
  let next = 0;
  let done = 0;
  await Promise.all(
    Array.from({ length: Math.min(together, rows) }, async () => {
      while (next < rows) {
        const row = next++;
        const known = log?.known.get(row);
        written[row] = known ?? (await write(row));
        if (!known) await log?.append(row, written[row]);
        onRow?.(++done);
      }
    }),
  );
  const whole = written.flatMap((row) => (row.rejected === undefined ? [row] : []));
  const questions = whole.map(({ messages }) => messages.find(({ role }) => role === 'user')?.content ?? '');
  const repeated = whole.length > 1 ? ((await repeats?.(questions)) ?? []) : [];
  const kept = whole
    .filter((_, i) => repeated[i] === undefined)
    .map(({ messages, labels }) => ({ messages, source, labels }));
  const fallen: Written[] = [
    ...written.filter(({ rejected }) => rejected !== undefined),
    ...whole
      .filter((_, i) => repeated[i] !== undefined)
      .map(({ messages }) => ({ messages, rejected: 'near_duplicate' })),
  ];
  const rejected: Record<string, number> = {};
  for (const row of fallen) rejected[row.rejected ?? ''] = (rejected[row.rejected ?? ''] ?? 0) + 1;
  return { kept, fallen, report: { rows, kept: kept.length, rejected } };
}
