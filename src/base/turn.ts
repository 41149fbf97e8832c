// A pause in which everything else that waits may run: signals, timers, a click on Stop.

/** Resolves after the event loop has gone round once (about 20 µs; a timer would cost 1 ms or more). */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
