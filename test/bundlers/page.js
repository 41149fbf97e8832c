// What each bundler builds into a page: the door, a model, and what it says, for a test to ask for.

import { load } from 'smollm2';
import { tenTokens } from './ten-tokens.js';

/** @param {{ ownWorker?: string }} options ownWorker: the address of a worker's script that the site serves itself */
export async function run(source, { ownWorker } = {}) {
  const worker = ownWorker && (() => new Worker(ownWorker, { type: 'module' }));
  try {
    const smol = await load(source, { threads: 2, ...(worker && { worker }) });
    const answer = await tenTokens(smol);
    await smol.close();
    return answer;
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

globalThis.run = run;
