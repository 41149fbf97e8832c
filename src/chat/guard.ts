// A message may contain `<|im_end|>` and what follows it in a real conversation. Read as tokens, it would end the
// message and forge the next. So special tokens count where the template wrote them, and are plain text where a
// message brought them: a character that occurs nowhere else breaks them until the text has been cut into words.

/** A text whose special tokens are those of the template. */
export interface GuardedText {
  readonly text: string;
  /** The character that breaks the others; it stands for nothing. None when there was nothing to break. */
  readonly mark: string | undefined;
}

/** Noncharacters of Unicode: no text has them; if one does, the next is taken. */
const FIRST_MARK = 0xfdd0;

/** Puts the mark into the special tokens of messages and tools; asks for nothing when there are none. */
export class Guard {
  readonly mark: string;
  private readonly specials: readonly string[];

  /** @param specials texts of the special tokens; @param inputs everything that will be rendered, as JSON */
  constructor(specials: readonly string[], template: string, inputs: string) {
    this.specials = specials.filter((text) => text.length > 1);
    let mark = FIRST_MARK;
    while (`${template}${inputs}`.includes(String.fromCharCode(mark))) mark++;
    this.mark = String.fromCharCode(mark);
  }

  /** A copy of a JSON value in which no text holds a special token, or ends with the beginning of one. */
  broken(value: unknown): unknown {
    if (typeof value === 'string') return this.brokenText(value);
    if (Array.isArray(value)) return value.map((item) => this.broken(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.broken(member)]));
  }

  private brokenText(text: string): string {
    let broken = text;
    for (const special of this.specials) {
      // Between the first character and the second, so that nothing at the edges of the text changes.
      if (broken.includes(special)) broken = broken.replaceAll(special, this.cut(special));
    }
    const longest = this.specials.reduce((most, special) => Math.max(most, special.length), 0);
    const tail = text.slice(-longest);
    // `<|im_` at the end of one part and `end|>` at the beginning of the next must not meet.
    const begins = this.specials.some((special) => endsWithBeginning(tail, special));
    return begins ? broken + this.mark : broken;
  }

  private cut(special: string): string {
    const [first] = special;
    return first + this.mark + special.slice(first.length);
  }
}

/** Whether a text ends with at least two, but not all, of the first characters of a special token. */
function endsWithBeginning(text: string, special: string): boolean {
  for (let length = Math.min(text.length, special.length - 1); length >= 2; length--) {
    if (text.endsWith(special.slice(0, length))) return true;
  }
  return false;
}
