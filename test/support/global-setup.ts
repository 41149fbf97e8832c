// Runs once before the tests: dist/ is built (worker threads and the command line run from there), and the real
// weights are found or fetched when a slow test may run.

import { existsSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { findWeights } from '../../src/node/find-weights.ts';

export default async function setup(project: TestProject): Promise<void> {
  const isFastOnly = project.config.exclude.some((pattern) => pattern.includes('.slow.'));
  project.provide('weights', isFastOnly ? '' : await weights());
}

/** SMOLLM2_TEST_WEIGHTS, or what the command line would use; without either, slow tests fail and say so. */
async function weights(): Promise<string> {
  const given = process.env.SMOLLM2_TEST_WEIGHTS;
  if (given && existsSync(given)) return given;
  try {
    const { path } = await findWeights('135m', { onNote: (text) => console.log(`weights: ${text}`) });
    return path;
  } catch (error) {
    console.log(`weights: ${(error as Error).message}`);
    return '';
  }
}
