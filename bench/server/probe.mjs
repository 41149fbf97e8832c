// Loaded before the server's program by start.ts: says what the process holds, and ends one of its threads when told to.

import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

const workers = new Set();

// Threads load this file too.
if (threads.isMainThread) {
  threads.Worker = class extends threads.Worker {
    constructor(...args) {
      super(...args);
      workers.add(this);
      this.once('exit', () => workers.delete(this));
    }
  };
  syncBuiltinESMExports();
  process.on('message', hear);
  process.channel.unref();
}

function hear(asked) {
  if (asked === 'kill a worker') {
    const [first] = workers;
    first?.terminate();
    return;
  }
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, heap: heapUsed, buffers: external });
}
