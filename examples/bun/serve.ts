// An OpenAI-compatible server in Bun: bun serve.ts, then http://localhost:8080/v1

import { load } from 'smollm2';
import { app } from 'smollm2/server';

Bun.serve({ port: Number(process.env.PORT ?? 8080), idleTimeout: 255, fetch: app(load('135m')).fetch });
