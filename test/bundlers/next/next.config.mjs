import { fileURLToPath } from 'node:url';

// The page lies one folder up, the package's own dependencies three.
const root = fileURLToPath(new URL('../../../', import.meta.url));

export default {
  output: 'export',
  turbopack: { root },
  outputFileTracingRoot: root,
};
