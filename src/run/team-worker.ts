// What runs in every worker of a team: the model's own programs, over this worker's share of the operations. Next step
// of the walk: src/model/transformer.ts. Entries: src/node/team-worker.ts and src/browser/team-worker.ts, which only
// differ in how messages arrive.

import type { Network } from '../model/pass.ts';
import { PROGRAMS } from '../model/transformer.ts';
import { jobs } from '../wasm/member.ts';
import type { MemberMessage, TeamSetup } from '../wasm/team.ts';

/** Serves a team; returns only when something failed. */
export function runMember(setup: TeamSetup, post: (message: MemberMessage) => void): void {
  const network = setup.network as Network;
  try {
    for (const { ops, program, chunk } of jobs(setup, post)) {
      for (const _ of PROGRAMS[program](ops, network, chunk));
    }
  } catch (error) {
    post({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}
