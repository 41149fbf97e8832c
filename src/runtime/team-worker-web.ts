// Entry of a team's worker in browsers.

import type { TeamSetup } from '../wasm/team.ts';
import { runMember, WORKER_READY } from './team-worker.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<TeamSetup>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: setup }) => runMember(setup, (message) => scope.postMessage(message));
scope.postMessage(WORKER_READY);
