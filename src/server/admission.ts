// Who is answered now and who waits: a number of answers at a time, a queue with an end, and among those who wait the
// client with the fewest answers running first, so that one who asks for hundreds does not shut out the others. Nor can
// one request hold every place with its choices or prompts: an eighth is for the first answers of others.

import { RequestError } from './errors.ts';

/** A place in the queue, then among the answers that run. */
export interface Ticket {
  /** Resolves when the answer may begin; rejects when the signal was given before. */
  readonly admitted: Promise<void>;
  /** Gives the place up, wherever it is; a second call does nothing. */
  leave(): void;
}

/** The answers of one request: how many of them run. */
interface Asked {
  readonly client: string;
  numRunning: number;
}

interface Waiting {
  readonly asked: Asked;
  begin(): void;
}

/** One in so many places, at least one of several, that only the first answer of a request takes. */
const PLACES_PER_KEPT = 8;

export class Admission {
  private readonly parallel: number;
  /** Further answers of a request begin while fewer run. */
  private readonly mostOfMany: number;
  private readonly queueLimit: number;
  private readonly queue: Waiting[] = [];
  /** Answers that run, by client. */
  private readonly byClient = new Map<string, number>();
  private numRunning = 0;

  constructor(parallel: number, queueLimit: number) {
    this.parallel = parallel;
    this.mostOfMany = Math.max(1, parallel - Math.ceil(parallel / PLACES_PER_KEPT));
    this.queueLimit = queueLimit;
  }

  get running(): number {
    return this.numRunning;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /**
   * Places for the answers of one request.
   *
   * @throws RequestError 429 when the queue is full
   */
  tickets(count: number, client: string, signal: AbortSignal): Ticket[] {
    const numWaiting = this.queue.length + count - (this.parallel - this.numRunning);
    if (numWaiting > this.queueLimit) {
      throw new RequestError(
        `queue: expected at most ${this.queueLimit} answers that wait, got ${numWaiting}`,
        { status: 429, type: 'rate_limit_error', code: 'queue_full', retryAfter: 1 },
      );
    }
    const asked = { client, numRunning: 0 };
    return Array.from({ length: count }, () => this.ticket(asked, signal));
  }

  private ticket(asked: Asked, signal: AbortSignal): Ticket {
    let leave = () => {};
    const admitted = new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        asked,
        begin: () => {
          this.numRunning++;
          asked.numRunning++;
          this.byClient.set(asked.client, this.runningOf(asked) + 1);
          resolve();
        },
      };
      let hasLeft = false;
      leave = () => {
        if (hasLeft) return;
        hasLeft = true;
        signal.removeEventListener('abort', abort);
        const at = this.queue.indexOf(waiting);
        if (at >= 0) this.queue.splice(at, 1);
        else this.free(asked);
      };
      const abort = () => {
        // One that runs leaves when its answer has ended.
        if (!this.queue.includes(waiting)) return;
        leave();
        reject(signal.reason);
      };
      this.queue.push(waiting);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
    });
    admitted.catch(() => undefined); // whoever waits for it hears of it
    this.fill();
    return { admitted, leave };
  }

  /** Answers of the same client that run. */
  private runningOf({ client }: Asked): number {
    return this.byClient.get(client) ?? 0;
  }

  private free(asked: Asked): void {
    this.numRunning--;
    asked.numRunning--;
    const left = this.runningOf(asked) - 1;
    if (left > 0) this.byClient.set(asked.client, left);
    else this.byClient.delete(asked.client);
    this.fill();
  }

  private fill(): void {
    while (this.numRunning < this.parallel) {
      let next: Waiting | undefined;
      for (const waiting of this.queue) {
        if (waiting.asked.numRunning > 0 && this.numRunning >= this.mostOfMany) continue;
        if (!next || this.runningOf(waiting.asked) < this.runningOf(next.asked)) next = waiting;
      }
      if (!next) return;
      this.queue.splice(this.queue.indexOf(next), 1);
      next.begin();
    }
  }
}
