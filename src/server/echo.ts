// How likely each token of a prompt is, given those before it: what `echo` with `logprobs` shows. The rows have the
// bits of every other way to compute them, so the sums are those of `smollm2 eval`.

import { eventLoopTurn } from '../base/turn.ts';
import { steadyRun } from '../generate/generate.ts';
import { logprobsOf } from '../generate/logprobs.ts';
import type { Timeline } from '../generate/options.ts';
import type { Ticket } from './admission.ts';
import type { Question } from './answer.ts';
import type { OffsetToken } from './logprob-shapes.ts';
import type { Service } from './service.ts';

/** Rows of logits kept at once: 64 rows of 49,152 values are 12.6 MB. */
const ECHO_ROWS = 64;
/** Rows whose logarithms are taken between two turns of the event loop, 1 ms each. */
const ROWS_A_TURN = 8;

/** A prompt's tokens, and the cache that now holds all of them but the last. Its owner gives it back. */
export interface ScoredPrompt {
  readonly tokens: readonly OffsetToken[];
  readonly timeline: Timeline;
}

/** Waits for the ticket, which stays with the caller unless this throws. */
export async function scorePrompt(
  service: Service,
  question: Question,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<ScoredPrompt> {
  let timeline: Timeline | undefined;
  try {
    await ticket.admitted;
    // Every row is wanted, so nothing that is in a cache already is of use.
    timeline = await service.cachesFor(question).take([]);
    return { tokens: await scored(service, question, timeline, signal), timeline };
  } catch (error) {
    if (timeline) service.cachesFor(question).give(timeline);
    ticket.leave();
    throw error;
  }
}

async function scored(
  { smol }: Service,
  { ids, logprobs = 0 }: Question,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<OffsetToken[]> {
  const decoder = smol.tokenizer.decoder();
  const tokens: OffsetToken[] = [{ id: ids[0], logprob: undefined, top: [], offset: 0 }];
  let offset = numCharacters(decoder.push(ids[0]));
  for (let begin = 0; begin < ids.length - 1; begin += ECHO_ROWS) {
    const given = ids.slice(begin, Math.min(begin + ECHO_ROWS, ids.length - 1));
    const entry = { ids: given, cache: timeline.cache, rows: given.length };
    const [rows] = await steadyRun(smol.model, [entry], { signal });
    timeline.ids = ids.slice(0, begin + given.length);
    for (const [t, logits] of rows.entries()) {
      if (t % ROWS_A_TURN === ROWS_A_TURN - 1) await eventLoopTurn();
      const id = ids[begin + t + 1];
      const { logprob, top } = logprobsOf(logits, id, logprobs);
      tokens.push({ id, logprob, top, offset });
      offset += numCharacters(decoder.push(id));
    }
  }
  return tokens;
}

/** Code points. */
export function numCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
