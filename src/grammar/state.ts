// Places in a text that is being written. A state says which bytes may come, where they lead, and what comes after
// its own part is complete (`cont`): the stack of a pushdown automaton as a chain of immutable objects. Where a
// schema leaves several readings open, a set of states is carried along.

import { GrammarError } from '../base/errors.ts';
import { CLOSE, completes, stateOf, type TextLexer } from './text-lexer.ts';
import { identity, type WordNode } from './words.ts';

export abstract class State {
  private wholeKey: string | undefined;

  /** Pushes the states after `byte`; none when it may not come. */
  abstract step(byte: number, out: State[]): void;

  /** Fewest bytes to the end of the whole text. */
  abstract get remaining(): number;

  /** Whether the text may end here. */
  get isEnd(): boolean {
    return false;
  }

  /** What comes after this part, where that is one state. */
  abstract readonly cont: State | undefined;

  /** Equal for states that differ in `cont` only; undefined for those that never meet. */
  get key(): string | undefined {
    return undefined;
  }

  /** The same place, with something else after it. */
  withCont(_cont: State): State {
    return this;
  }

  /** Equal for states that allow the same texts, to the end; empty where that cannot be told. */
  get allKey(): string {
    this.wholeKey ??= this.key && this.cont?.allKey ? `${this.key}>${this.cont.allKey}` : '';
    return this.wholeKey;
  }
}

/** After everything. */
export class End extends State {
  get cont(): undefined {
    return undefined;
  }

  step(): void {}

  get remaining(): number {
    return 0;
  }

  override get allKey(): string {
    return '.';
  }

  override get isEnd(): boolean {
    return true;
  }
}

/** Longest name of a place with several continuations: it holds the names of all, and could double at every level. */
const MAX_KEY = 1024;

/** Several continuations of one part. */
export class Join extends State {
  readonly states: readonly State[];

  constructor(states: readonly State[]) {
    super();
    this.states = [...new Set(states.flatMap((state) => (state instanceof Join ? state.states : [state])))];
  }

  get cont(): undefined {
    return undefined;
  }

  step(byte: number, out: State[]): void {
    for (const state of this.states) state.step(byte, out);
  }

  get remaining(): number {
    return Math.min(...this.states.map((state) => state.remaining));
  }

  override get isEnd(): boolean {
    return this.states.some((state) => state.isEnd);
  }

  override get allKey(): string {
    const keys = this.states.map(({ allKey }) => allKey);
    const key = `(${keys.join('|')})`;
    return keys.includes('') || key.length > MAX_KEY ? '' : key;
  }
}

/** Most readings carried along: many times the alternatives of one place. */
const MAX_READINGS = 4096;

/** Joins states that differ only in what comes after them. */
export function mergeStates(states: State[]): State[] {
  if (states.length < 2) return states;
  const byKey = new Map<string, State[]>();
  const merged: State[] = [];
  for (const state of states) {
    const key = state.key;
    if (key === undefined) {
      if (!merged.includes(state)) merged.push(state);
      continue;
    }
    const same = byKey.get(key);
    if (same) same.push(state);
    else byKey.set(key, [state]);
  }
  for (const same of byKey.values()) {
    merged.push(same.length === 1 ? same[0] : same[0].withCont(new Join(same.map((s) => s.cont as State))));
  }
  if (merged.length > MAX_READINGS) throw new GrammarError('expected fewer readings of one text', '#');
  return merged;
}

/** The states after `byte` of any of `states`. */
export function stepAll(states: readonly State[], byte: number): State[] {
  const out: State[] = [];
  for (const state of states) state.step(byte, out);
  return mergeStates(out);
}

/** Goes on to a word's next byte, and straight past its end where nothing longer is possible. */
export function enterWord(node: WordNode, cont: (word: number) => State, out: State[], owner?: State): void {
  if (node.word >= 0 && node.children.size === 0) out.push(cont(node.word));
  else out.push(new WordState(node, cont, owner));
}

/** Inside one of several fixed byte strings. */
export class WordState extends State {
  readonly node: WordNode;
  private readonly after: (word: number) => State;
  private readonly owner: State | undefined;

  /**
   * @param after  what comes after the word with this number
   * @param owner  the state that decides what comes after, for `allKey`
   */
  constructor(node: WordNode, after: (word: number) => State, owner?: State) {
    super();
    this.node = node;
    this.after = after;
    this.owner = owner;
  }

  override get allKey(): string {
    return this.owner?.allKey ? `w${identity(this.node)}>${this.owner.allKey}` : '';
  }

  get cont(): undefined {
    return undefined;
  }

  step(byte: number, out: State[]): void {
    const child = this.node.children.get(byte);
    if (child) enterWord(child, this.after, out, this.owner);
    if (this.node.word >= 0) this.after(this.node.word).step(byte, out);
  }

  get remaining(): number {
    let node = this.node;
    let bytes = 0;
    while (node.word < 0) {
      node = [...node.children.values()].reduce((best, child) => (child.fewest < best.fewest ? child : best));
      bytes++;
    }
    return bytes + this.after(node.word).remaining;
  }

  override get isEnd(): boolean {
    return this.node.word >= 0 && this.after(this.node.word).isEnd;
  }
}

/** Inside a text of a regular language. */
export class LexState extends State {
  readonly lexer: TextLexer;
  readonly state: number;
  /** Whole code points so far. */
  readonly count: number;
  readonly cont: State;

  constructor(lexer: TextLexer, state: number, count: number, cont: State) {
    super();
    this.lexer = lexer;
    this.state = state;
    this.count = count;
    this.cont = cont;
  }

  step(byte: number, out: State[]): void {
    const { lexer, state, count } = this;
    const move = lexer.table.move(state, byte);
    const mayEnd = (lexer.spelling === 'raw' || move === CLOSE) && lexer.accepts(state, count);
    if (mayEnd && move === CLOSE) out.push(this.cont);
    if (move >= 0) {
      const to = stateOf(move);
      const points = completes(move) ? count + 1 : count;
      if (lexer.fits(to, points)) out.push(new LexState(lexer, to, points, this.cont));
    }
    if (mayEnd && move !== CLOSE) this.cont.step(byte, out);
  }

  get remaining(): number {
    const close = this.lexer.spelling === 'raw' ? 0 : 1;
    return this.lexer.bytesLeft(this.state, this.count) + close + this.cont.remaining;
  }

  override get isEnd(): boolean {
    return this.lexer.spelling === 'raw' && this.cont.isEnd && this.lexer.accepts(this.state, this.count);
  }

  override get key(): string {
    return `x${identity(this.lexer)},${this.state},${this.count}`;
  }

  override withCont(cont: State): State {
    return new LexState(this.lexer, this.state, this.count, cont);
  }
}

/** Places in sets of texts that may not be written; undefined once the text has left a set's paths. */
export type Cursors = readonly (WordNode | undefined)[];

/** Inside a text that must be none of those already used: an additional property's name, or an item of a set. */
export class NewTextState extends State {
  readonly lexer: TextLexer;
  readonly state: number;
  readonly count: number;
  readonly cursors: Cursors;
  /** The bytes so far, each a character. */
  private readonly text: string;
  /** What comes after the text, given its bytes. */
  private readonly after: (bytes: Uint8Array) => State;
  private readonly owner: State | undefined;

  /** @param owner  the state that decides what may come and what comes after, for `allKey` */
  constructor(
    lexer: TextLexer,
    state: number,
    count: number,
    cursors: Cursors,
    text: string,
    after: (bytes: Uint8Array) => State,
    owner?: State,
  ) {
    super();
    this.lexer = lexer;
    this.state = state;
    this.count = count;
    this.cursors = cursors;
    this.text = text;
    this.after = after;
    this.owner = owner;
  }

  override get allKey(): string {
    return this.owner?.allKey
      ? `n${identity(this.lexer)},${JSON.stringify(this.text)}>${this.owner.allKey}`
      : '';
  }

  get cont(): undefined {
    return undefined;
  }

  step(byte: number, out: State[]): void {
    const { lexer, state, count } = this;
    const move = lexer.table.move(state, byte);
    const mayEnd = (lexer.spelling === 'raw' || move === CLOSE) && this.mayEnd;
    if (mayEnd && move === CLOSE) out.push(this.finished());
    if (move >= 0) {
      const to = stateOf(move);
      const points = completes(move) ? count + 1 : count;
      const cursors = this.cursors.map((cursor) => cursor?.children.get(byte));
      if (lexer.fits(to, points) && anyUnused(lexer, to, points, cursors)) {
        const text = this.text + String.fromCharCode(byte);
        out.push(new NewTextState(lexer, to, points, cursors, text, this.after, this.owner));
      }
    }
    if (mayEnd && move !== CLOSE) this.finished().step(byte, out);
  }

  get mayEnd(): boolean {
    return (
      this.lexer.accepts(this.state, this.count) &&
      this.cursors.every((cursor) => !(cursor && cursor.word >= 0))
    );
  }

  /** The state after the text, if it ended here. */
  finished(): State {
    return this.after(Uint8Array.from(this.text, (character) => character.charCodeAt(0)));
  }

  get remaining(): number {
    // A text that is used up to here can be made new by a byte or two more.
    const close = this.lexer.spelling === 'raw' ? 0 : 1;
    const detour = this.cursors.some((cursor) => cursor) ? 2 : 0;
    return this.lexer.bytesLeft(this.state, this.count) + close + detour + this.finished().remaining;
  }

  override get isEnd(): boolean {
    return this.lexer.spelling === 'raw' && this.mayEnd && this.finished().isEnd;
  }
}

/** Whether some text that goes on from here is in none of the sets. */
export function anyUnused(lexer: TextLexer, state: number, count: number, cursors: Cursors): boolean {
  if (cursors.every((cursor) => cursor === undefined)) return true;
  if (lexer.table.isFree && lexer.max - count > 4) return true;
  if (lexer.accepts(state, count) && cursors.every((cursor) => !(cursor && cursor.word >= 0))) return true;
  for (let byte = 0; byte < 256; byte++) {
    const move = lexer.table.move(state, byte);
    if (move < 0) continue;
    const to = stateOf(move);
    const points = completes(move) ? count + 1 : count;
    if (!lexer.fits(to, points)) continue;
    if (
      anyUnused(
        lexer,
        to,
        points,
        cursors.map((cursor) => cursor?.children.get(byte)),
      )
    )
      return true;
  }
  return false;
}
