// Names and what they stand for. A loop, macro or block has a scope of its own: what it sets is gone behind it.

import { Undefined, type Value } from './values.ts';

export class Scope {
  private readonly outer: Scope | undefined;
  private readonly names: Map<string, Value>;

  constructor(outer: Scope | undefined, names: ReadonlyMap<string, Value> = new Map()) {
    this.outer = outer;
    this.names = new Map(names);
  }

  set(name: string, value: Value): void {
    this.names.set(name, value);
  }

  /** Undefined from here on, whatever the scopes around say, where this one has not set it. */
  hide(name: string): void {
    if (!this.names.has(name)) this.set(name, new Undefined(name));
  }

  get(name: string): Value {
    for (let scope: Scope | undefined = this; scope; scope = scope.outer) {
      const value = scope.names.get(name);
      if (value !== undefined) return value;
    }
    return new Undefined(name);
  }
}
