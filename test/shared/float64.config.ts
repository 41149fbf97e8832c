import { defineConfig } from 'vitest/config';
import shared from './vitest.config.ts';

// What takes the float64 reference an hour: `npm run test:float64`, with the data of npm run test:shared.
export default defineConfig({
  test: {
    ...shared.test,
    include: ['test/shared/**/*.float64.test.ts'],
    exclude: [],
    testTimeout: 7_200_000,
    pool: 'forks',
    execArgv: ['--max-old-space-size=8192'],
  },
});
