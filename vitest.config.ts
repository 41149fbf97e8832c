import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/runtimes/**', 'test/live/**', '**/node_modules/**'],
    // The long comparisons with goldens use one core each: two files at a time even on a small machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 120_000,
    globalSetup: 'test/support/global-setup.ts',
  },
});
