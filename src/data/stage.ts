// What the data half is made of: a stage takes one document and returns a document, or says why it goes. Stages are
// pure: no clock, no randomness but what a document's id seeds, no memory of other documents. So threads, ranks and
// machines may share the work in any way and get the same answer. What needs other documents (deduplication) is a
// GroupStage: it emits keys, the pipeline groups, the stage decides. The table of stages by name is stages.ts; lists
// of stages are run by pipeline/run.ts.

import { shown } from '../base/shown.ts';
/** A text and what is known about it. Stages return another one instead of changing it. */
export interface TextDocument {
  readonly id: string;
  readonly text: string;
  /** `url`, `language`, scores, … under the names that datatrove uses. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A document goes, and why: `short_doc`, `line_punct_ratio`, … Reasons are few and fixed: they are counted. */
export interface Removal {
  readonly removed: string;
  /** What was seen, for the reader of samples: `12 of 40 lines end in an ellipsis`. Not counted. */
  readonly because?: string;
}

export type Outcome = TextDocument | Removal;

export interface Stage {
  readonly name: string;
  apply(doc: TextDocument): Outcome;
}

/**
 * A stage that needs the other documents. The pipeline asks every document for its keys, groups documents by key, and
 * asks again for a decision.
 */
export interface GroupStage {
  readonly name: string;
  /**
   * `cluster`: documents that share a key belong together, also through others; the survivor of a cluster is the
   * one with the smallest id (code units), and every key of the others is `taken`. `first`: a key is taken for
   * every document that holds it but the one with the smallest id.
   */
  readonly grouping: 'cluster' | 'first';
  /** Equal keys meet. Any strings; the pipeline keeps 64 bits of their hash. No keys: never a duplicate. */
  keys(doc: TextDocument): readonly string[];
  decide(doc: TextDocument, isTaken: (key: string) => boolean): Outcome;
}

/** What an option may be; numbers, booleans and lists are written the same on the command line and in a recipe. */
export type OptionValue = number | boolean | string | readonly string[] | null;
export type StageOptions = Readonly<Record<string, OptionValue>>;

/** What a stage may need from outside: lists of words, weights, benchmark files. Paths as the user wrote them. */
export interface Resources {
  readBytes(path: string): Promise<Uint8Array>;
}

/** A named kind of stage, before its options are known. */
export interface StageKind {
  readonly name: string;
  /** One sentence for `--help` and the report: what it removes or changes. */
  readonly summary: string;
  /**
   * Every option with its default, which also fixes its type: a number (`null` where given as such switches the
   * check off), a boolean, a string, a list of strings. `null` as the default: a string that must or may be given.
   */
  readonly options: StageOptions;
  /** @throws RangeError when an option has a value that makes no sense */
  create(options: StageOptions, resources: Resources): Stage | GroupStage | Promise<Stage | GroupStage>;
}

export function isRemoval(outcome: Outcome): outcome is Removal {
  return 'removed' in outcome;
}

export function isGroupStage(stage: Stage | GroupStage): stage is GroupStage {
  return 'keys' in stage;
}

/** The document with another text; the same object where the text is the same. */
export function withText(doc: TextDocument, text: string): TextDocument {
  return text === doc.text ? doc : { ...doc, text };
}

/** The document with more metadata. */
export function withMetadata(doc: TextDocument, more: Readonly<Record<string, unknown>>): TextDocument {
  return { ...doc, metadata: { ...doc.metadata, ...more } };
}

/**
 * Options as given, checked against the kind's table, with defaults where none is given.
 *
 * @throws RangeError for an unknown option, TypeError for one of the wrong kind
 */
export function checkedOptions(kind: StageKind, given: Readonly<Record<string, unknown>>): StageOptions {
  const options: Record<string, OptionValue> = { ...kind.options };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(kind.options, name)) {
      const known = Object.keys(kind.options).join(', ') || 'none';
      throw new RangeError(`${kind.name}: expected one of its options (${known}), got ${name}`);
    }
    options[name] = checkedOption(`${kind.name}.${name}`, kind.options[name], value);
  }
  return options;
}

function checkedOption(subject: string, byDefault: OptionValue, value: unknown): OptionValue {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (Array.isArray(byDefault)) {
    if (isList) return value;
    throw new TypeError(`${subject}: expected a list of strings, got ${shown(value)}`);
  }
  if (byDefault === null) {
    if (value === null || typeof value === 'string' || typeof value === 'number') return value;
    throw new TypeError(`${subject}: expected a string, got ${shown(value)}`);
  }
  if (value === null && typeof byDefault === 'number') return null;
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`${subject}: expected a finite number, got ${value}`);
  }
  if (typeof value === typeof byDefault) return value as number | boolean | string;
  throw new TypeError(`${subject}: expected a ${typeof byDefault}, got ${shown(value)}`);
}
