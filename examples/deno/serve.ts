// An OpenAI-compatible server in Deno: deno run -A serve.ts, then http://localhost:8080/v1

import { load } from 'smollm2';
import { app } from 'smollm2/server';

Deno.serve({ port: Number(Deno.env.get('PORT') ?? 8080) }, app(load('135m')).fetch);
