// The answers that are computed now, each at a place with a number, as llama.cpp's server has its slots.

import type { Timeline } from '../generate/options.ts';

/** An answer at work. */
export interface Place {
  readonly promptIds: readonly number[];
  /** Its cache. */
  readonly timeline: Timeline;
  /** Tokens drawn so far. */
  numDrawn: number;
}

export class Places {
  private readonly places: (Place | undefined)[] = [];

  /** Takes the first free place; the returned function leaves it. */
  take(place: Place): () => void {
    const free = this.places.indexOf(undefined);
    const at = free < 0 ? this.places.length : free;
    this.places[at] = place;
    return () => {
      this.places[at] = undefined;
    };
  }

  /** Who is at place `id`. */
  at(id: number): Place | undefined {
    return this.places[id];
  }

  /** Positions of all caches at work. */
  get positions(): number {
    return this.places.reduce((sum, place) => sum + (place?.timeline.cache.length ?? 0), 0);
  }
}
