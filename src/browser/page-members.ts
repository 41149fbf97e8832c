// A worker's team, started by the page. In Firefox (153) `new Worker` in a worker stops that worker for good when the
// page's thread has other things to do: one start of 15 under test (held-worker.ts has the other half of the story).
// On a page it never does, so a worker that a page has started asks the page for its members, and talks to each
// through a port of its own; the page's thread has no part in what they say.

import { type AnyWorker, endWorker, holdWorker } from './held-worker.ts';

/** What a member says when its script is loaded. */
export const WORKER_READY = 'ready';

/** With a port, a member is wanted that listens to it; without, the member is to be ended. */
interface Wish {
  readonly id: number;
  readonly port?: MessagePort;
}

interface Trouble {
  readonly id: number;
  readonly message: string;
}

/** On the page: starts and ends members as the worker asks; returns what ends them all. */
export function startMembersFor(worker: Worker, start: () => Worker): () => void {
  const members = new Map<number, Worker>();
  const { port1: wishes, port2 } = new MessageChannel();
  wishes.onmessage = ({ data: { id, port } }: MessageEvent<Wish>) => {
    const say = (message: string) => wishes.postMessage({ id, message } satisfies Trouble);
    const member = members.get(id);
    if (member) endWorker(member);
    members.delete(id);
    if (!port) return;
    try {
      const started = holdWorker(start());
      members.set(id, started);
      started.onerror = (event) => say(event.message);
      started.postMessage(port, [port]);
    } catch (error) {
      say((error as Error).message);
    }
  };
  worker.postMessage(port2, [port2]);
  return () => {
    wishes.close();
    for (const member of members.values()) endWorker(member);
    members.clear();
  };
}

let page: MessagePort | undefined;
const members = new Map<number, PageMember>();
let nextId = 0;

/** In the worker: keeps the port to the page that starts members for it; false for every other message. */
export function takesPort(message: unknown): message is MessagePort {
  if (!(message instanceof MessagePort)) return false;
  page = message;
  page.onmessage = ({ data: { id, message } }: MessageEvent<Trouble>) =>
    members.get(id)?.onerror?.({ message } as ErrorEvent);
  return true;
}

/** In the worker: a member by the page where it has offered to start them, else one of the worker's own. */
export function newMember(start: () => Worker): AnyWorker {
  return page ? new PageMember(page) : start();
}

/** A worker that the page has started, as this thread sees it. */
class PageMember implements AnyWorker {
  onerror: AnyWorker['onerror'] = null;
  private readonly id = nextId++;
  private readonly port: MessagePort;
  private readonly page: MessagePort;

  constructor(page: MessagePort) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.page = page;
    members.set(this.id, this);
    page.postMessage({ id: this.id, port: port2 } satisfies Wish, [port2]);
  }

  set onmessage(listener: AnyWorker['onmessage']) {
    this.port.onmessage = listener;
  }

  postMessage(message: unknown): void {
    this.port.postMessage(message);
  }

  terminate(): void {
    members.delete(this.id);
    this.port.close();
    this.page.postMessage({ id: this.id } satisfies Wish);
  }
}

/** In a member: hears whoever started it, or whom the page has given its port to. */
export function serveTeam(
  hear: (message: unknown, post: (reply: unknown) => void) => void,
  owner: Pick<MessagePort, 'postMessage' | 'onmessage'> = globalThis as unknown as MessagePort,
): void {
  owner.onmessage = ({ data }) => {
    if (data instanceof MessagePort) serveTeam(hear, data);
    else hear(data, (reply) => owner.postMessage(reply));
  };
  owner.postMessage(WORKER_READY);
}
