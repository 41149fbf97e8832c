// Entry of a team's worker in Node, Deno and Bun.

import { parentPort } from 'node:worker_threads';
import type { TeamSetup } from '../wasm/team.ts';
import { runMember } from './team-worker.ts';

parentPort?.once('message', (setup: TeamSetup) =>
  runMember(setup, (message) => parentPort?.postMessage(message)),
);
