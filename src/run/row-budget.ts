// How many rows of long prompts go into a chunk beside running answers: as many as keep the time between two tokens
// within twice what it is without prompts. Times are measured as the passes go by; what shares a chunk changes no bit.

/** A chunk with prompts may take so many times as long as one without. */
const STRETCH = 2;
/** Rows of prompts while nothing has been measured, and at least: fewer cost as much as these. */
const FIRST_ROWS = 16;
const FEWEST_ROWS = 8;
const NEWEST = 0.2; // weight of the newest measurement
/** Passes without a running answer until none is expected: those that were answered just now will ask again. */
const PASSES_APART = 3;

export class RowBudget {
  /** By rows of running answers: milliseconds of a chunk without prompts. */
  private readonly quiet: number[] = [];
  /** Milliseconds that one row of a prompt adds. */
  private rowMs: number | undefined;
  private passesApart = PASSES_APART;

  /**
   * @param answerRows rows of running answers in the chunk
   * @param maxRows    rows that a chunk may have
   * @param awaited    answers that had a row just now and may ask again
   * @returns rows of long prompts that may go with them
   */
  rows(answerRows: number, maxRows: number, awaited = 0): number {
    const expected = answerRows || (this.passesApart < PASSES_APART ? awaited : 0);
    if (expected === 0) return maxRows;
    const room = maxRows - answerRows;
    const quietMs = this.quietMs(expected);
    if (quietMs === undefined || this.rowMs === undefined) return Math.min(FIRST_ROWS, room);
    const rows = Math.floor(((STRETCH - 1) * quietMs) / this.rowMs);
    return Math.min(Math.max(rows, FEWEST_ROWS), room);
  }

  /** Learns from a chunk that took `ms`. */
  report(answerRows: number, promptRows: number, ms: number): void {
    this.passesApart = answerRows > 0 ? 0 : this.passesApart + 1;
    if (answerRows > 0 && promptRows === 0) {
      this.quiet[answerRows] = newer(this.quiet[answerRows], ms);
      return;
    }
    const quietMs = answerRows > 0 ? this.quietMs(answerRows) : 0;
    if (quietMs === undefined && this.rowMs !== undefined) {
      // A server that is busy from the start has no quiet chunk to learn from: what prompts do not explain, answers do.
      this.quiet[answerRows] = Math.max(ms - promptRows * this.rowMs, answerRows * this.rowMs);
    }
    if (quietMs === undefined || promptRows < FEWEST_ROWS) return;
    this.rowMs = newer(this.rowMs, Math.max((ms - quietMs) / promptRows, 0.001));
  }

  /** Of the number of rows that was measured and is nearest; rows beyond it cost what those of prompts do. */
  private quietMs(answerRows: number): number | undefined {
    for (let apart = 0; apart < this.quiet.length + answerRows; apart++) {
      const [fewer, more] = [this.quiet[answerRows - apart], this.quiet[answerRows + apart]];
      if (fewer !== undefined) return fewer + apart * (this.rowMs ?? 0);
      if (more !== undefined) return more;
    }
    return undefined;
  }
}

function newer(old: number | undefined, ms: number): number {
  return old === undefined ? ms : old + NEWEST * (ms - old);
}
