// `$ref`: which part of the document a reference means. Other documents are never fetched.

import { GrammarError } from '../base/errors.ts';
import type { Json } from './json.ts';

export interface Target {
  readonly json: Json;
  readonly pointer: string;
}

/** The address of a document without one; relative identifiers stand below it. */
const NAMELESS = 'json-schema://root/';

/** Members that hold data, not schemas: a `$id` in them is no identifier. */
const DATA = new Set(['enum', 'const', 'default', 'examples', 'example']);

export class References {
  /** Resources by address (without fragment), anchors by address with fragment. */
  private readonly targets = new Map<string, Target>();
  /** Address of the resource that each pointer belongs to. */
  private readonly bases = new Map<string, string>();

  constructor(root: Json) {
    this.targets.set(NAMELESS, { json: root, pointer: '#' });
    this.collect(root, '#', NAMELESS);
  }

  /** @throws GrammarError  when the reference leads nowhere in this document */
  resolve(ref: Json, from: string): Target {
    const pointer = `${from}/$ref`;
    if (typeof ref !== 'string') throw new GrammarError('expected a text', pointer, '$ref');
    const address = absolute(ref, this.baseOf(from));
    const hash = address.indexOf('#');
    const document = hash < 0 ? address : address.slice(0, hash);
    let fragment = hash < 0 ? '' : address.slice(hash + 1);
    try {
      fragment = decodeURIComponent(fragment);
    } catch {
      throw new GrammarError(`expected a pointer, got ${JSON.stringify(ref)}`, pointer, '$ref');
    }
    const resource = this.targets.get(document) ?? this.targets.get(`${document}#`);
    const found =
      fragment === '' || fragment.startsWith('/')
        ? resource && follow(resource, fragment)
        : this.targets.get(`${document}#${fragment}`);
    if (!found) {
      const what = resource
        ? 'a place in this schema'
        : 'a place in this document (others are never fetched)';
      throw new GrammarError(`expected ${what}, got ${JSON.stringify(ref.slice(0, 200))}`, pointer, '$ref');
    }
    return found;
  }

  private baseOf(pointer: string): string {
    for (let at = pointer; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      const base = this.bases.get(at);
      if (base !== undefined) return base;
    }
    return NAMELESS;
  }

  private collect(json: Json, pointer: string, base: string): void {
    if (typeof json !== 'object' || json === null) return;
    let inside = base;
    if (!Array.isArray(json)) {
      const { $id, id, $anchor } = json as { readonly [key: string]: Json };
      for (const name of [$id, id]) {
        if (typeof name !== 'string') continue;
        const address = absolute(name, base);
        this.targets.set(address.replace(/#$/, ''), { json, pointer });
        if (!name.startsWith('#')) {
          inside = address.replace(/#.*$/, '');
          this.bases.set(pointer, inside);
        }
      }
      if (typeof $anchor === 'string') this.targets.set(`${inside}#${$anchor}`, { json, pointer });
    }
    for (const [key, value] of Object.entries(json)) {
      if (!DATA.has(key))
        this.collect(value as Json, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, inside);
    }
  }
}

function absolute(ref: string, base: string): string {
  if (ref.startsWith('#')) return base.replace(/#.*$/, '') + ref;
  try {
    return new URL(ref, base).href;
  } catch {
    return ref;
  }
}

function follow({ json, pointer }: Target, fragment: string): Target | undefined {
  let at = json;
  let place = pointer;
  for (const step of fragment.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as { readonly [key: string]: Json })[key];
    place = `${place}/${step}`;
  }
  return { json: at, pointer: place };
}
