// The worker's first step: from here on TypeScript is turned into JavaScript as it is imported.

import { register } from 'node:module';

register('../../bench/typescript.mjs', import.meta.url);
await import('./worker.ts');
