// Workers that nobody has ended. What waits for a worker's answer is held by that worker's listener only, and Firefox
// collects a worker that waits for its next message, with the promises: a load() never ended in 2 of 5 runs, a training
// run of many short steps stopped for good.

const held = new Set<Worker>();

/** The worker, kept until `endWorker`. */
export function holdWorker(worker: Worker): Worker {
  held.add(worker);
  return worker;
}

/** Ends it at once. */
export function endWorker(worker: Worker): void {
  held.delete(worker);
  worker.terminate();
}
