// The page's side of the worker: asks for pictures, keeps those that came, and takes only replies of the generation
// that is shown. Pictures of the first view were computed in advance and need no model.

import {
  type AttentionPicture,
  type PictureName,
  type PictureParams,
  type Pictures,
  pictureKey,
  type Reply,
  type Request,
  type Subject,
} from './engine/protocol.ts';

/** So many pictures are kept; the oldest goes first. */
const KEPT = 60;

export interface Listener {
  changed(): void;
  said(reply: Exclude<Reply, { kind: 'picture' }>): void;
}

type Found<Name extends PictureName> =
  | { readonly picture: Pictures[Name] }
  | { readonly error: string }
  | { readonly isStoredOnly: true }
  | undefined;

export class Client {
  generation = 0;
  private readonly worker: Worker;
  private readonly pictures = new Map<string, Pictures[PictureName]>();
  private readonly errors = new Map<string, string>();
  private readonly asked = new Set<string>();
  private readonly listener: Listener;
  private stored: Readonly<Record<string, Pictures[PictureName]>> = {};

  constructor(listener: Listener) {
    this.listener = listener;
    this.worker = new Worker(new URL('./engine/worker.ts', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data: reply }: MessageEvent<Reply>) => this.hear(reply);
    this.worker.onerror = (event) =>
      listener.said({ kind: 'error', about: 'bring', message: `worker: ${event.message || 'stopped'}` });
  }

  /** Pictures computed in advance, by key. */
  keep(stored: Readonly<Record<string, Pictures[PictureName]>>): void {
    const maps = Object.entries(stored).flatMap(([key, picture]) =>
      key.startsWith('["attention"') ? [picture as AttentionPicture] : [],
    );
    // Layers that an edit left as they were are stored once.
    for (const map of maps) {
      (map as { weights: AttentionPicture['weights'] }).weights = map.weights.map(
        (heads, layer) => heads ?? maps[0].weights[layer],
      );
    }
    this.stored = stored;
  }

  /** Another subject is looked at: what was asked for before is not wanted any more. */
  nextGeneration(): number {
    this.asked.clear();
    return ++this.generation;
  }

  send(request: Request): void {
    this.worker.postMessage(request);
  }

  /** The picture, if it is here; otherwise it is asked for, and `changed` is called when it has come. */
  find<Name extends PictureName>(
    view: Name,
    subject: Subject,
    params: PictureParams,
    seed: number,
  ): Found<Name> {
    const key = pictureKey(view, subject, params);
    if (subject.model === 'stored') {
      const found = this.stored[key];
      return found ? { picture: found as Pictures[Name] } : { isStoredOnly: true };
    }
    const picture = this.pictures.get(key);
    if (picture) return { picture: picture as Pictures[Name] };
    const error = this.errors.get(key);
    if (error !== undefined) return { error };
    if (!this.asked.has(key)) {
      this.asked.add(key);
      this.send({ kind: 'picture', view, generation: this.generation, seed, subject, params });
    }
    return undefined;
  }

  /** Forgets pictures of a kind, so that they are made again: measurements. */
  forget(view: PictureName): void {
    for (const key of [...this.pictures.keys(), ...this.errors.keys()]) {
      if (!key.startsWith(`["${view}"`)) continue;
      this.pictures.delete(key);
      this.errors.delete(key);
      this.asked.delete(key);
    }
  }

  private hear(reply: Reply): void {
    if ('generation' in reply && reply.generation !== undefined && reply.generation !== this.generation)
      return;
    if (reply.kind === 'picture') {
      this.pictures.set(reply.key, reply.picture);
      const [oldest] = this.pictures.keys();
      if (this.pictures.size > KEPT) this.pictures.delete(oldest);
      this.listener.changed();
      return;
    }
    if (reply.kind === 'error' && reply.about === 'picture') {
      if (reply.key) this.errors.set(reply.key, reply.message);
      this.listener.changed();
      return;
    }
    this.listener.said(reply);
  }
}
