import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/runtimes/**', 'test/live/**', 'test/shared/**', '**/node_modules/**'],
    // The long comparisons with goldens use one core each: two files at a time even on a small machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Wall time, with room for a machine that does other work too: what takes a minute on a quiet one took 600 s beside
    // four busy loops.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    // What test:fast leaves out, beside whole files named *.slow.test.ts.
    tags: [{ name: 'slow', description: 'more than 50 ms of processor time' }],
    // Files are compiled once and kept until they change: a third of the time of test:fast.
    experimental: { fsModuleCache: true },
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: 'test/support/open-files.ts',
  },
});
