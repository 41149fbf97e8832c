// Entry of a team's worker in browsers.

import { runMember } from '../run/team-worker.ts';
import type { TeamSetup } from '../wasm/team.ts';
import { serveTeam } from './page-members.ts';

serveTeam((setup, post) => runMember(setup as TeamSetup, post));
