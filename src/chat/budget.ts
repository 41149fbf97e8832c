// How much a chat template may do. A template is a program that comes with a model file; nested loops over
// range(25000) once kept a server busy for 28 seconds. Every limit ends in one FormatError.

import { FormatError } from '../base/errors.ts';

/** Longest template in characters. The longest in use, with tools and reasoning, have about 20,000. */
export const MAX_TEMPLATE_LENGTH = 2 ** 16;

/** Longest run of white space in a template: what is cut before a tag may take the square of it. */
export const MAX_SPACE_RUN = 1024;

/**
 * Expressions evaluated in one rendering; a round of a loop counts as eight more. A thousand messages through
 * a long template take about 100,000.
 */
const MAX_STEPS = 2 ** 19;

/** Expressions inside each other, macro calls included. The limit keeps the call stack far from its end. */
const MAX_DEPTH = 400;

/** Lists and maps inside each other: JSON schemas of tools have about ten levels. */
const MAX_NESTING = 100;

/**
 * Longest value, and longest output, in characters: each message may appear four times, and the template may
 * add a million characters of its own.
 */
const MAX_ADDED_LENGTH = 2 ** 20;
const MAX_REPEATS = 4;

/** Characters and list members that may be gone through, as a multiple of the longest value. */
const WORK_PER_LENGTH = 64;

/** Longest range(), as in Jinja's own sandbox. */
const MAX_RANGE = 100_000;

/** Counts what one rendering has used. */
export class Budget {
  private readonly maxLength: number;
  private readonly file: string;
  private steps = 0;
  private depth = 0;
  private work = 0;

  /** @param inputLength size of the messages and tools in characters */
  constructor(inputLength: number, file: string) {
    this.maxLength = MAX_ADDED_LENGTH + MAX_REPEATS * inputLength;
    this.file = file;
  }

  /** One more expression, one level deeper; `leave` comes back up. */
  enter(): void {
    this.depth++;
    if (this.depth > MAX_DEPTH) this.refuse(`at most ${MAX_DEPTH} expressions inside each other`);
    this.spendSteps(1);
  }

  leave(): void {
    this.depth--;
  }

  /** A loop is about to make `count` rounds; each needs a scope and a dozen values. */
  spendRounds(count: number): void {
    this.spendSteps(8 * count);
  }

  private spendSteps(count: number): void {
    this.steps += count;
    if (this.steps > MAX_STEPS) this.refuse(`at most ${MAX_STEPS} steps`);
  }

  /** Something goes through `count` characters or members. */
  spendWork(count: number): void {
    this.work += count;
    if (!(this.work <= WORK_PER_LENGTH * this.maxLength)) {
      this.refuse(`at most ${WORK_PER_LENGTH * this.maxLength} characters to go through`);
    }
  }

  /** A value of `length` characters is made, or is about to be. */
  checkLength(length: number): void {
    if (!(length <= this.maxLength)) this.refuse(`values and output of at most ${this.maxLength} characters`);
  }

  /** A list or map has others inside it, `depth` levels. */
  checkDepth(depth: number): void {
    if (depth > MAX_NESTING) this.refuse(`lists and maps at most ${MAX_NESTING} inside each other`);
  }

  /** `range()` of Python, no longer than Jinja's sandbox allows. */
  checkRange(start: number, stop: number, step: number): void {
    const count = Math.max(0, Math.ceil((stop - start) / step));
    if (step === 0 || !(count <= MAX_RANGE))
      this.refuse(`a range of whole numbers with at most ${MAX_RANGE}`);
    this.spendSteps(count >> 3);
  }

  refuse(expected: string): never {
    throw new FormatError(`expected ${expected}; the template asks for something else`, { file: this.file });
  }
}
