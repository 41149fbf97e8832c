// Who gets a place, without a server around it.

import { setMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Admission, type Ticket } from '../../src/server/admission.ts';

const { signal } = new AbortController();
setMaxListeners(100, signal);

/** Whether each has its place by now. */
function placesOf(tickets: readonly Ticket[]): Promise<boolean[]> {
  return Promise.all(
    tickets.map(({ admitted }) =>
      Promise.race([admitted.then(() => true), Promise.resolve().then(() => false)]),
    ),
  );
}

const numPlaces = async (tickets: readonly Ticket[]) => (await placesOf(tickets)).filter(Boolean).length;

describe('a request of many answers', () => {
  it.each([
    [16, 14],
    [8, 7],
    [2, 1],
    [1, 1],
  ])('takes of %i places at most %i, so that somebody else finds one', async (parallel, most) => {
    const admission = new Admission(parallel, 256);
    const many = admission.tickets(16, 'a', signal);
    expect(await numPlaces(many)).toBe(most);
    const others = Array.from(
      { length: parallel - most + 1 },
      (_, n) => admission.tickets(1, `b${n}`, signal)[0],
    );
    expect(await numPlaces(others)).toBe(parallel - most);
    for (const ticket of [...others, ...many]) ticket.leave();
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('goes on as its own answers end, and never holds up its own first one', async () => {
    const admission = new Admission(4, 256);
    const many = admission.tickets(6, 'a', signal);
    expect(await numPlaces(many)).toBe(3);
    const second = admission.tickets(3, 'a', signal);
    expect(await placesOf(second)).toEqual([true, false, false]);
    for (const ticket of many) {
      ticket.leave();
      expect(admission.running).toBeLessThanOrEqual(4);
    }
    expect(await numPlaces(second)).toBe(3);
  });

  it('leaves single requests of one client all places, and lets the client with fewest go first', async () => {
    const admission = new Admission(4, 256);
    const single = Array.from({ length: 5 }, () => admission.tickets(1, 'a', signal)[0]);
    expect(await numPlaces(single)).toBe(4);
    const [other] = admission.tickets(1, 'b', signal);
    single[0].leave();
    expect(await placesOf([other, single[4]])).toEqual([true, false]);
  });
});

describe('the queue', () => {
  it('takes what finds places at once, however short it is, and no request that would make it too long', () => {
    const admission = new Admission(4, 0);
    const many = admission.tickets(4, 'a', signal);
    expect(() => admission.tickets(1, 'b', signal)).toThrow('expected at most 0 answers that wait, got');
    for (const ticket of many) ticket.leave();
    const longer = new Admission(4, 10);
    expect(() => longer.tickets(15, 'a', signal)).toThrow('got 11');
    expect(longer.tickets(14, 'a', signal)).toHaveLength(14);
  });
});
