// Workers that nobody has ended. What waits for a worker's answer is held by that worker's listener only, and Firefox
// collects a worker that waits for its next message, with the promises: a load() never ended in 2 of 5 runs, a training
// run of many short steps stopped for good.

/** What is used of a worker: one of the browser's, or one that the page started (page-members.ts). */
export interface AnyWorker {
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: unknown): void;
  terminate(): void;
}

const held = new Set<AnyWorker>();

/** The worker, kept until `endWorker`. */
export function holdWorker<Kind extends AnyWorker>(worker: Kind): Kind {
  held.add(worker);
  return worker;
}

/** Ends it at once. */
export function endWorker(worker: AnyWorker): void {
  held.delete(worker);
  worker.terminate();
}
