import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../../', import.meta.url).pathname,
    include: ['test/bundlers/*.test.mjs'],
    globalSetup: ['test/bundlers/set-up.mjs'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
