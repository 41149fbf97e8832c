import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../../../', import.meta.url).pathname,
    include: ['test/clients/lm-eval/*.test.mjs'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
