// What runs in every worker of a team: the model's own forward pass, over this worker's share of the operations.
// Entries: team-worker-node.ts and team-worker-web.ts, which only differ in how messages arrive.

import type { Network } from '../model/pass.ts';
import { forward } from '../model/transformer.ts';
import { serve } from '../wasm/member.ts';
import type { MemberMessage, TeamSetup } from '../wasm/team.ts';

/** What a browser's worker says when its script is loaded (platform-web.ts). */
export const WORKER_READY = 'ready';

/** Serves a team; returns only when something failed. */
export function runMember(setup: TeamSetup, post: (message: MemberMessage) => void): void {
  serve(
    setup,
    (ops, network, { ids, sequences, logitRows, logits }) => {
      const { workspace, ...rest } = network as Network;
      // All rows of logits at once: the caller reads them when every worker is done.
      forward(ops, { ...rest, workspace: { ...workspace, logits } }, ids, sequences, logitRows, () => {});
    },
    post,
  );
}
