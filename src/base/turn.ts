// A pause in which everything else that waits may run: signals, timers, a click on Stop, another request.

/** Where it exists (workerd) a message to oneself arrives before anything else does: only a timer lets others in. */
const { scheduler } = globalThis as { scheduler?: { wait?: (ms: number) => Promise<void> } };

/** Resolves after the event loop has gone round once (about 20 µs; a timer would cost 1 ms or more). */
export function eventLoopTurn(): Promise<void> {
  if (scheduler?.wait) return scheduler.wait(0);
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
