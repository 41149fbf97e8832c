// What the WASM engine needs from the machine it runs on. src/runtime has one for Node and one for browsers.

/** Builds of the kernels: `relaxed` uses fused instructions where the machine has them, `single` one thread. */
export type Build = 'strict' | 'strict-single' | 'relaxed' | 'relaxed-single';

/** A worker thread, seen from the thread that started it. */
export interface TeamWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  /** While true, the worker keeps the program alive; an idle team must not. */
  hold?(isBusy: boolean): void;
}

export interface TeamListener {
  onMessage(message: unknown): void;
  /** The worker stopped, or something in it was not caught. */
  onEnd(reason: string): void;
}

export interface WasmPlatform {
  /** Compiled kernels. */
  loadModule(build: Build): Promise<WebAssembly.Module>;
  /** Starts a worker that runs src/run/team-worker.ts; absent where there is no shared memory. */
  readonly spawn?: (listener: TeamListener) => TeamWorker;
  /** False where a caller cannot await shared memory: then workers tell the end of a pass by a message. */
  readonly canWaitAsync?: boolean;
  /** Threads for a team when nobody chose. */
  readonly defaultThreads: number;
}

/** Threads on a machine of `numCores`: one core is left to the rest, except where there are only two; at most 8. */
export function threadsFor(numCores: number): number {
  return Math.max(Math.min(2, numCores), Math.min(8, numCores - 1), 1);
}
