// Stop strings in streamed text: nothing is shown that may yet turn out to be part of one, however the
// text is cut.

/** Passes text on up to the first stop string, holding back what could be the beginning of one. */
export class StopScanner {
  /** The stop string that was found; nothing follows it. */
  stoppedBy: string | undefined;
  private readonly stops: readonly string[];
  private held = '';

  /** @throws RangeError for an empty stop string, which would stop everything */
  constructor(stops: readonly string[]) {
    for (const stop of stops) {
      if (typeof stop !== 'string') throw new TypeError(`stop: expected strings, got ${typeof stop}`);
      if (stop === '') throw new RangeError('stop: expected strings that are not empty, got ""');
    }
    this.stops = stops;
  }

  /** Adds a piece and returns what may be shown now. */
  push(piece: string): string {
    if (this.stoppedBy !== undefined) return '';
    const text = this.held + piece;
    const found = this.firstStop(text);
    const end = found ? found.start : text.length - this.heldLength(text);
    this.held = found ? '' : text.slice(end);
    this.stoppedBy = found?.stop;
    return text.slice(0, end);
  }

  /** What is still held back when no more text comes. */
  end(): string {
    const rest = this.held;
    this.held = '';
    return rest;
  }

  /** The stop string that is complete first; of those complete at the same place, the longest. */
  private firstStop(text: string): { stop: string; start: number } | undefined {
    let first: { stop: string; start: number } | undefined;
    for (const stop of this.stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const isEarlier = !first || start + stop.length < first.start + first.stop.length;
      const isLonger =
        first && start + stop.length === first.start + first.stop.length && start < first.start;
      if (isEarlier || isLonger) first = { stop, start };
    }
    return first;
  }

  /** Length of the longest end of the text with which a stop string begins. */
  private heldLength(text: string): number {
    let longest = 0;
    for (const stop of this.stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
