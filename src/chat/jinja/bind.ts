// Arguments of functions, filters and methods by Python's rules: by place, then by name.

import { fail, intOf, textOf, type Value } from './values.ts';

export type Named = ReadonlyMap<string, Value>;

/** The arguments of one call, read one after the other in the order of the parameters. */
export class Arguments {
  private readonly what: string;
  private readonly positional: readonly Value[];
  private readonly named: Named;
  private readonly params: readonly string[];

  /** @param params names of the parameters in order; more arguments, and other names, are refused */
  constructor(what: string, params: readonly string[], positional: readonly Value[], named: Named) {
    if (positional.length > params.length) {
      fail(`${what}: at most ${params.length} arguments, got ${positional.length}`);
    }
    for (const name of named.keys()) {
      const at = params.indexOf(name);
      if (at < 0) fail(`${what}: an argument ${name}, which it does not have`);
      if (at < positional.length) fail(`${what}: the argument ${name} twice`);
    }
    this.what = what;
    this.params = params;
    this.positional = positional;
    this.named = named;
  }

  /** `None` that was given is null; what was not given is undefined. */
  optional(name: string): Value | undefined {
    const at = this.params.indexOf(name);
    return at < this.positional.length ? this.positional[at] : this.named.get(name);
  }

  or(name: string, missing: Value): Value {
    const value = this.optional(name);
    return value === undefined ? missing : value;
  }

  required(name: string): Value {
    const value = this.optional(name);
    return value === undefined ? fail(`${this.what}: an argument ${name}, got none`) : value;
  }

  text(name: string, missing?: string): string {
    const value = this.optional(name);
    if (value === undefined && missing !== undefined) return missing;
    return textOf(this.required(name), `${this.what}: ${name}`);
  }

  int(name: string, missing?: number): number {
    const value = this.optional(name);
    if (value === undefined && missing !== undefined) return missing;
    return intOf(this.required(name), `${this.what}: ${name}`);
  }

  /** An int, or undefined where nothing or None was given. */
  maybeInt(name: string): number | undefined {
    const value = this.optional(name);
    return value === undefined || value === null ? undefined : intOf(value, `${this.what}: ${name}`);
  }

  maybeText(name: string): string | undefined {
    const value = this.optional(name);
    return value === undefined || value === null ? undefined : textOf(value, `${this.what}: ${name}`);
  }
}
