// What the makers of shapes (compile-array.ts, compile-object.ts) need of the compiler that calls them.

import type { Alternatives } from './alternatives.ts';
import type { Spacing, ValueNode } from './json-value.ts';
import type { Languages } from './languages.ts';
import type { Literals, NumberPart, StringPart } from './parts.ts';
import type { TextLexer } from './text-lexer.ts';

/** Limits on what is written where the schema has none, so that a small model comes to an end. */
export interface Bounds {
  /** Most code points of a string. */
  readonly maxString: number;
  /** Most items of an array. */
  readonly maxItems: number;
  /** Most additional properties of an object. */
  readonly maxExtra: number;
}

export interface SchemaPlaces {
  readonly spacing: Spacing;
  readonly bounds: Bounds;
  /** [256]: bytes that tokens can write. */
  readonly hasByte: Uint8Array;
  readonly languages: Languages;
  readonly alternatives: Alternatives;
  /** Spelled constants of the nodes whose values must differ. */
  readonly wordBytes: ReadonlyMap<ValueNode, readonly Uint8Array[]>;
  /** The place where these schemas hold. `unique`: values differ from their neighbours, so each has one spelling. */
  node(literals: Literals, unique: boolean): ValueNode;
  /** Strings or numbers; `unique` as above. */
  lexer(part: StringPart | NumberPart, unique: boolean): TextLexer;
}
