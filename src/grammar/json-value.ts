// What a JSON value may be at one place of a document, after the schema has been compiled: some constants, some
// languages of strings and numbers, some shapes of arrays and objects.

import { enterWord, LexState, type State } from './state.ts';
import type { TextLexer } from './text-lexer.ts';
import type { WordNode } from './words.ts';

/** How much white space may stand between the tokens of JSON. */
export interface Spacing {
  /** Most spaces after `:` and `,`. */
  readonly afterSeparator: number;
  /** Most white-space bytes anywhere else inside a document, and of which kind: spaces only, or any. */
  readonly anywhere: number;
}

/** What arrays and objects have in common (array-state.ts, object-state.ts). */
export interface ContainerShape {
  /** Fewest bytes, and least depth of arrays and objects, of one. */
  readonly fewest: number;
  readonly height: number;
  /** The state after the opening bracket, `depth` arrays and objects below the root. */
  open(cont: State, depth: number): State;
  /** Works `fewest` and `height` out anew from what is below. */
  measure(): void;
}

/** Deepest nesting of the arrays and objects that are written. */
export const MAX_DEPTH = 64;

export class ValueNode {
  /** Constants: literals, numbers and strings of enumerations, spelled. */
  words: WordNode | undefined;
  readonly strings: TextLexer[] = [];
  readonly numbers: TextLexer[] = [];
  readonly arrays: ContainerShape[] = [];
  readonly objects: ContainerShape[] = [];
  /** Fewest bytes, and least depth of arrays and objects, of a value; infinite when there is none. */
  fewest = Number.POSITIVE_INFINITY;
  height = Number.POSITIVE_INFINITY;

  /** Whether a value can be written `depth` arrays and objects below the root. */
  fits(depth: number): boolean {
    return depth + this.height <= MAX_DEPTH;
  }

  /** Pushes the states after the first byte of a value. */
  begin(byte: number, cont: State, depth: number, out: State[]): void {
    const child = this.words?.children.get(byte);
    if (child) enterWord(child, () => cont, out, cont);
    if (byte === 0x22) {
      for (const lexer of this.strings) out.push(new LexState(lexer, 0, 0, cont));
    } else if (byte === 0x7b) {
      for (const shape of this.objects)
        if (depth + shape.height <= MAX_DEPTH) out.push(shape.open(cont, depth));
    } else if (byte === 0x5b) {
      for (const shape of this.arrays)
        if (depth + shape.height <= MAX_DEPTH) out.push(shape.open(cont, depth));
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      for (const lexer of this.numbers) new LexState(lexer, 0, 0, cont).step(byte, out);
    }
  }

  /** Works `fewest` and `height` out anew from what is below. @returns whether they changed */
  measure(): boolean {
    let fewest = this.words?.fewest ?? Number.POSITIVE_INFINITY;
    let height = fewest < Number.POSITIVE_INFINITY ? 0 : Number.POSITIVE_INFINITY;
    for (const lexer of this.strings) {
      fewest = Math.min(fewest, 2 + lexer.bytesLeft(0, 0));
      height = 0;
    }
    for (const lexer of this.numbers) {
      fewest = Math.min(fewest, lexer.bytesLeft(0, 0));
      height = 0;
    }
    for (const shape of [...this.arrays, ...this.objects]) {
      shape.measure();
      fewest = Math.min(fewest, shape.fewest);
      height = Math.min(height, shape.height);
    }
    const changed = fewest !== this.fewest || height !== this.height;
    this.fewest = fewest;
    this.height = height;
    return changed;
  }
}

/** White space: a space only, or any of JSON's kinds. */
export function isSpace(byte: number, any: boolean): boolean {
  return byte === 0x20 || (any && (byte === 0x0a || byte === 0x0d || byte === 0x09));
}
