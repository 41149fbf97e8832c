// What a name means is decided by a template's text: where a scope sets a name before it reads it, and no scope
// around it mentions the name, the name is undefined in the scopes inside until it was set, even if there is a
// variable so called.

export class Names {
  private readonly outer: Names | undefined;
  private readonly seen: Set<string>;
  private readonly setFirst: string[] = [];
  /** `if` statements of this scope that are being read: what is set in one of them may stay what it was. */
  branches = 0;

  /** @param own  parameters of a macro, targets of a loop: set when the scope begins */
  constructor(outer: Names | undefined, own: readonly string[] = []) {
    this.outer = outer;
    this.seen = new Set(own);
  }

  read(name: string): void {
    this.seen.add(name);
  }

  set(name: string): void {
    if (this.branches === 0 && !this.seen.has(name)) this.setFirst.push(name);
    this.seen.add(name);
  }

  /** Names that are undefined until they are set; known when the whole template was read. */
  late(): string[] {
    return this.setFirst.filter((name) => !this.outer?.has(name));
  }

  private has(name: string): boolean {
    return this.seen.has(name) || this.outer?.has(name) === true;
  }
}
