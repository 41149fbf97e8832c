import { defineConfig } from 'vitest/config';

// Tests against other people's programs: `npm run test:live`. Not part of `npm test`, which must run
// anywhere.
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/live/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    globalSetup: 'test/support/global-setup.ts',
  },
});
