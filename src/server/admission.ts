// Who is answered now and who waits: a number of answers at a time, a queue with an end, and among those who wait the
// client with the fewest answers running first, so that one who asks for hundreds does not shut out the others.

import { RequestError } from './errors.ts';

/** A place in the queue, then among the answers that run. */
export interface Ticket {
  /** Resolves when the answer may begin; rejects when the signal was given before. */
  readonly admitted: Promise<void>;
  /** Gives the place up, wherever it is; a second call does nothing. */
  leave(): void;
}

interface Waiting {
  readonly client: string;
  begin(): void;
}

export class Admission {
  private readonly parallel: number;
  private readonly queueLimit: number;
  private readonly queue: Waiting[] = [];
  /** Answers that run, by client. */
  private readonly byClient = new Map<string, number>();
  private numRunning = 0;

  constructor(parallel: number, queueLimit: number) {
    this.parallel = parallel;
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
    if (this.queue.length >= this.queueLimit) {
      throw new RequestError(
        `queue: expected fewer than ${this.queueLimit} answers that wait, got ${this.queue.length}; ask again later`,
        { status: 429, type: 'rate_limit_error', code: 'queue_full', retryAfter: 1 },
      );
    }
    return Array.from({ length: count }, () => this.ticket(client, signal));
  }

  private ticket(client: string, signal: AbortSignal): Ticket {
    let leave = () => {};
    const admitted = new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        client,
        begin: () => {
          this.numRunning++;
          this.byClient.set(client, (this.byClient.get(client) ?? 0) + 1);
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
        else this.free(client);
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

  private free(client: string): void {
    this.numRunning--;
    const left = (this.byClient.get(client) ?? 1) - 1;
    if (left > 0) this.byClient.set(client, left);
    else this.byClient.delete(client);
    this.fill();
  }

  private fill(): void {
    while (this.numRunning < this.parallel && this.queue.length > 0) {
      let next = 0;
      const running = ({ client }: Waiting) => this.byClient.get(client) ?? 0;
      for (let i = 1; i < this.queue.length; i++) {
        if (running(this.queue[i]) < running(this.queue[next])) next = i;
      }
      const [chosen] = this.queue.splice(next, 1);
      chosen.begin();
    }
  }
}
