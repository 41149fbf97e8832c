// How many workers of a team take part in a pass: all, or one alone where other programs crowd the cores so much
// that workers wait for each other longer than they help. Bits do not depend on it, so it may change at any pass.

/** Share of the newest time in a running mean. */
const NEWEST = 0.3;
/** Passes in a row that must be no faster than one worker alone before one is tried. */
const PATIENCE = 4;
/** Passes alone before the whole team is tried again; doubles up to the most while the team stays slower. */
const FEWEST_ALONE = 8;
const MOST_ALONE = 128;

export class Pace {
  private readonly numWorkers: number;
  /** Running mean of milliseconds per row with the whole team; of the last pass alone. */
  private together = 0;
  private alone = 0;
  private numPasses = 0;
  private slowPasses = 0;
  /** Passes still to be done alone, and how many there will be next time. */
  private aloneLeft = 0;
  private aloneNext = FEWEST_ALONE;

  constructor(numWorkers: number) {
    this.numWorkers = numWorkers;
  }

  /** Workers for the next pass. The third pass is done alone once, to have something to compare with. */
  next(): number {
    if (this.numWorkers === 1) return 1;
    const isFirstTry = this.numPasses === 2 && this.alone === 0;
    const isSuspicious = this.slowPasses >= PATIENCE;
    return isFirstTry || isSuspicious || this.aloneLeft > 0 ? 1 : this.numWorkers;
  }

  /** What a pass took, in milliseconds per row. */
  report(numWorkers: number, msPerRow: number): void {
    this.numPasses++;
    if (numWorkers === this.numWorkers) this.reportTogether(msPerRow);
    else this.reportAlone(msPerRow);
  }

  private reportTogether(ms: number): void {
    this.together = this.together === 0 ? ms : this.together + NEWEST * (ms - this.together);
    if (this.alone === 0) return;
    this.slowPasses = this.together > 0.95 * this.alone ? this.slowPasses + 1 : 0;
    if (this.slowPasses === 0) this.aloneNext = FEWEST_ALONE;
  }

  private reportAlone(ms: number): void {
    this.alone = ms;
    const wasSuspicious = this.slowPasses >= PATIENCE;
    this.slowPasses = 0;
    if (this.aloneLeft > 0) {
      this.aloneLeft--;
      // The team gets one pass after its pause; slower than alone, and it pauses again, for twice as long.
      if (this.aloneLeft === 0) this.together = 0;
      if (this.aloneLeft === 0) this.slowPasses = PATIENCE - 1;
      return;
    }
    if (wasSuspicious && ms < this.together) {
      this.aloneLeft = this.aloneNext;
      this.aloneNext = Math.min(2 * this.aloneNext, MOST_ALONE);
    }
  }
}
