import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/runtimes/**', 'test/live/**', '**/node_modules/**'],
    testTimeout: 20_000,
    hookTimeout: 120_000,
    globalSetup: 'test/support/global-setup.ts',
  },
});
