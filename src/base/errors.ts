// The few error classes of the project. Messages have one shape: subject, expected, got, what to do.
// Arguments of public functions fail with TypeError (wrong kind) or RangeError (wrong value); the rest is here.

/** What came from outside, and where in it: every member is optional but `file`. */
export interface FormatErrorPlace {
  /** Name of the file, URL or buffer. */
  file: string;
  /** The field at fault, such as `general.alignment` or `tensor blk.0.attn_q.weight: shape`. */
  field?: string;
  /** Byte offset in the file at which the fault was seen. */
  offset?: number;
}

/** A file or other foreign input breaks the rules of its format. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly file: string;
  readonly field: string | undefined;
  readonly offset: number | undefined;
  /** The message without the place. */
  readonly problem: string;

  constructor(message: string, place: FormatErrorPlace) {
    const field = place.field === undefined ? '' : `, ${place.field}`;
    const offset = place.offset === undefined ? '' : ` (byte ${place.offset})`;
    super(`${place.file}${field}: ${message}${offset}`);
    this.file = place.file;
    this.field = place.field;
    this.offset = place.offset;
    this.problem = message;
  }
}

/** The input is valid, but this version or this machine cannot do it; the message names what can. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
}

/** A file could not be found or fetched; the message names the ways out. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** The prompt and the answer do not fit the model's context or the cache made for them. */
export class ContextOverflowError extends RangeError {
  override readonly name = 'ContextOverflowError';
}

/** The plan of memory does not fit; `plan` holds the sum that shows why. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';
  readonly plan: string;

  constructor(message: string, plan: string) {
    super(message);
    this.plan = plan;
  }
}

/** The engine stopped in the middle of a call: a worker died or a kernel trapped. The next call works. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
}

/**
 * A JSON schema, regular expression or grammar is wrong, too large, or asks for something that cannot be enforced
 * exactly. `pointer` says where.
 */
export class GrammarError extends Error {
  override readonly name = 'GrammarError';
  /** The keyword at fault, where the source is a JSON schema. */
  readonly keyword: string | undefined;
  /** JSON pointer into the schema (`#/properties/a`), or line and column of another source. */
  readonly pointer: string;

  constructor(message: string, pointer: string, keyword?: string) {
    super(`${pointer}: ${message}`);
    this.pointer = pointer;
    this.keyword = keyword;
  }
}
