// Entry of a team's worker in Node, Deno and Bun.

import { parentPort } from 'node:worker_threads';
import { runMember } from '../run/team-worker.ts';
import type { TeamSetup } from '../wasm/team.ts';

parentPort?.once('message', (setup: TeamSetup) =>
  runMember(setup, (message) => parentPort?.postMessage(message)),
);
