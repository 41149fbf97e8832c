import { defineConfig } from 'vitest/config';

const root = new URL('../../', import.meta.url).pathname;

export default defineConfig({
  // The explorer's own modules are imported too; they stand in another package.
  resolve: { alias: { 'smollm2/inspect': `${root}dist/inspect.js` } },
  test: {
    root,
    include: ['test/runtimes/*.test.mjs'],
    globalSetup: ['test/runtimes/set-up.mjs'],
    // Every test starts a runtime of its own and uses all cores: one at a time.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
