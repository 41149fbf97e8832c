import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../../', import.meta.url).pathname,
    include: ['test/runtimes/*.test.mjs'],
    globalSetup: ['test/runtimes/set-up.mjs'],
    // Every test starts a runtime of its own and uses all cores: one at a time.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
