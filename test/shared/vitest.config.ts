import { defineConfig } from 'vitest/config';

// Tests on data that may not be part of the project (web text, whole benchmarks): `npm run test:shared`, where a folder
// `shared` lies beside the checkout or SHARED names it.
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/shared/**/*.test.ts'],
    exclude: ['**/*.float64.test.ts'],
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    globalSetup: 'test/support/global-setup.ts',
  },
});
