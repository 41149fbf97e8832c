// What the browser tests call from outside: the door and the program that every runtime runs, on `globalThis`.

import { answer } from '/runtimes/answer.js';
import * as smollm2 from '/smollm2/browser/index.js';

/** Longest stretch in which the page did not get its turn, in milliseconds. */
function watchPage() {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 10);
    last = now;
  }, 10);
  return () => {
    clearInterval(timer);
    return Math.round(longest);
  };
}

async function run(source, options) {
  const startedAt = Date.now();
  const stopWatching = watchPage();
  const smol = await smollm2.load(source, options);
  const loadMs = Date.now() - startedAt;
  const longestLoadTaskMs = stopWatching();
  const watchAnswer = watchPage();
  const result = await answer(smol);
  const longestTaskMs = watchAnswer();
  await smol.close();
  return { ...result, loadMs, longestLoadTaskMs, longestTaskMs, isolated: crossOriginIsolated };
}

Object.assign(globalThis, { smollm2, answer, run });
