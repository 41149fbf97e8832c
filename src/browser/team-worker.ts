// Entry of a team's worker in browsers.

import { runMember, WORKER_READY } from '../run/team-worker.ts';
import type { TeamSetup } from '../wasm/team.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<TeamSetup>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: setup }) => runMember(setup, (message) => scope.postMessage(message));
scope.postMessage(WORKER_READY);
