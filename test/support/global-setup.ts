// Runs once before the tests: dist/ is built (worker threads and the command line run from there), and the real
// weights are found or fetched when a slow test is going to run.

import { existsSync } from 'node:fs';
import type { TestProject } from 'vitest/node';

export default async function setup(project: TestProject): Promise<void> {
  const fastOnly = project.config.exclude.some((pattern) => pattern.includes('.slow.'));
  project.provide('weights', fastOnly ? '' : await weights());
}

async function weights(): Promise<string> {
  const given = process.env.SMOLLM2_TEST_WEIGHTS;
  if (given && existsSync(given)) return given;
  return '';
}
