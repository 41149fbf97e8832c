// From states to masks over the vocabulary. Most states allow few tokens, found by walking the token tree with them.
// Inside a string nearly all tokens are allowed: there the walk is done once per state of the lexer and kept, split
// into tokens that stay inside and tokens that close the string and go on (a small tree of what follows the quote,
// walked with what comes after the string).

import { End, LexState, mergeStates, NewTextState, type State, stepAll } from './state.ts';
import { CLOSE, completes, stateOf, type TextLexer, type TextTable } from './text-lexer.ts';
import { PrefixTree, type TokenTrie } from './token-trie.ts';

/** Most masks that are kept; the largest take 6 KB for SmolLM2's vocabulary. */
const MAX_KEPT = 4096;

/** Words of whole masks that are kept with their keys (6 MB), and tree nodes that one must have taken for it. */
const MAX_WHOLE_WORDS = 1_572_864;
const WORTH_KEEPING = 20;
/** Words of a key beside its characters, four of which are a word. */
const KEY_WORDS = 16;

/** Tokens read from some state of a text: how many code points each needs, and where it closes the text, if it does. */
interface Readings {
  readonly ids: Int32Array;
  readonly points: Uint16Array;
  /** Fewest bytes from after the token to the end of the text. */
  readonly left: Uint16Array;
  /** Bytes up to and with the closing quote; 0 when the token stays inside. */
  readonly closedAt: Uint16Array;
  readonly count: number;
}

/** A set of tokens: as a mask, or as a list where they are few. */
interface TokenSet {
  readonly words: Uint32Array | undefined;
  readonly ids: readonly number[];
}

/**
 * Tokens below a node of the token tree that may come inside a text, for one state of its lexer: those that stay inside
 * or end exactly at the closing quote.
 */
interface InsideMask extends TokenSet {
  /** What follows the closing quote in the others. */
  readonly exits: PrefixTree;
  /** Those of the others that have more than one further quote, so could hold a whole text more. */
  readonly longExits: readonly number[];
}

const setBit = (mask: Uint32Array, id: number): void => {
  mask[id >>> 5] |= 1 << (id & 31);
};

export class MaskBuilder {
  readonly trie: TokenTrie;
  private kept = new WeakMap<TextTable, Map<string, InsideMask>>();
  /** Readings of all tokens below a node, for tables of all texts: limits of length are sieves over them. */
  private readings = new WeakMap<TextTable, Map<string, Readings>>();
  private numKept = 0;
  /** Masks of whole states that took many steps. */
  private readonly whole = new Map<string, TokenSet>();
  /** The same masks by their contents: 9,900 states of 186 schemas have 1,250 of them. */
  private readonly distinct = new Map<string, TokenSet>();
  private wholeWords = 0;
  /** Nodes of token trees that were looked at. */
  private steps = 0;
  private readonly scratch: Uint32Array;
  /** What `read` fills: one entry for each token at most. */
  private readonly found: Omit<Readings, 'count'>;

  constructor(trie: TokenTrie) {
    this.trie = trie;
    const length = trie.tree.ids.length;
    this.found = {
      ids: new Int32Array(length),
      points: new Uint16Array(length),
      left: new Uint16Array(length),
      closedAt: new Uint16Array(length),
    };
    this.scratch = new Uint32Array(trie.numWords);
  }

  /**
   * Sets the bits of the tokens that may come next; ends of text are left to the caller.
   *
   * @param limit  most bytes that may be needed to the end of the text after the token
   */
  fill(mask: Uint32Array, states: readonly State[], limit = Number.POSITIVE_INFINITY): void {
    const isLimited = limit < Number.POSITIVE_INFINITY;
    const key =
      isLimited || states.some(({ allKey }) => !allKey) ? '' : states.map((s) => s.allKey).join('|');
    const known = this.whole.get(key);
    if (known) {
      addTokens(mask, known);
      return;
    }
    this.steps = 0;
    this.descend(mask, 0, states, limit);
    if (!key || this.steps < WORTH_KEEPING) return;
    this.keep(key, tokenSet(mask));
  }

  private keep(key: string, set: TokenSet): void {
    const contents = set.words ? `words ${set.words}` : `${set.ids}`;
    const other = this.distinct.get(contents);
    const words = KEY_WORDS + key.length / 4 + (other ? 0 : sizeOf(set) + contents.length / 4);
    if (this.wholeWords + words > MAX_WHOLE_WORDS) {
      this.whole.clear();
      this.distinct.clear();
      this.wholeWords = 0;
    }
    this.distinct.set(contents, other ?? set);
    this.whole.set(key, other ?? set);
    this.wholeWords += words;
  }

  /** Sets the bits of the tokens below `node` whose remaining bytes the states allow. */
  private descend(mask: Uint32Array, node: number, states: readonly State[], limit: number): void {
    const rest: State[] = [];
    for (const state of states) {
      const isText = state instanceof LexState || state instanceof NewTextState;
      const isQuoted = isText && state.lexer.spelling !== 'raw';
      if (state instanceof LexState && (isQuoted || state.cont instanceof End)) {
        this.fillInside(mask, node, state, limit);
      } else if (state instanceof NewTextState && isQuoted) {
        this.fillNewText(mask, node, state, limit);
      } else {
        rest.push(state);
      }
    }
    if (rest.length === 0) return;
    const { byte, after, firstId, ids } = this.trie.tree;
    let out: State[] = [];
    for (let child = node + 1; child < after[node]; child = after[child]) {
      this.steps++;
      for (const state of rest) state.step(byte[child], out);
      if (out.length === 0) continue;
      const next = mergeStates(out);
      out = [];
      if (firstId[child + 1] > firstId[child] && endsWithin(next, limit)) {
        for (let i = firstId[child]; i < firstId[child + 1]; i++) setBit(mask, ids[i]);
      }
      if (after[child] > child + 1) this.descend(mask, child, next, limit);
    }
  }

  private fillInside(
    mask: Uint32Array,
    node: number,
    { lexer, state, count, cont }: LexState,
    limit: number,
  ): void {
    const inside = this.inside(node, lexer, state, count, limit - 1 - cont.remaining);
    addTokens(mask, inside);
    if (inside.exits.ids.length > 0) this.walk(mask, inside.exits, [cont], limit);
  }

  /** As inside any text, but without tokens that would complete a used one. */
  private fillNewText(mask: Uint32Array, node: number, text: NewTextState, limit: number): void {
    this.steps += WORTH_KEEPING;
    const after = text.finished();
    const inside = this.inside(node, text.lexer, text.state, text.count, limit - 1 - after.remaining);
    const { trie } = this;
    const scratch = this.scratch;
    scratch.fill(0);
    addTokens(scratch, inside);
    // What comes after does not depend on this text, but where a token holds a whole further one.
    if (inside.exits.ids.length > 0) this.walk(scratch, inside.exits, [after], limit);
    // Or finishes the last one of a small language.
    for (const id of text.lexer.isLarge ? inside.longExits : inside.exits.ids) {
      const states = readToken(text, trie.tokenBytes(id), trie.tree.depth[node]);
      if (states.length > 0 && endsWithin(states, limit)) setBit(scratch, id);
      else scratch[id >>> 5] &= ~(1 << (id & 31));
    }
    this.clearUsed(scratch, node, text);
    for (let i = 0; i < mask.length; i++) mask[i] |= scratch[i];
  }

  /** Clears the tokens along the paths of used texts that the state itself refuses. */
  private clearUsed(mask: Uint32Array, node: number, text: NewTextState): void {
    const { tree } = this.trie;
    for (let child = node + 1; child < tree.after[node]; child = tree.after[child]) {
      const byte = tree.byte[child];
      const onPath = byte === 0x22 || text.cursors.some((cursor) => cursor?.children.has(byte));
      if (!onPath) continue;
      const out: State[] = [];
      text.step(byte, out);
      if (out.length === 0) {
        for (let i = tree.firstId[child]; i < lastId(tree, child); i++) {
          mask[tree.ids[i] >>> 5] &= ~(1 << (tree.ids[i] & 31));
        }
      } else if (byte !== 0x22) {
        this.clearUsed(mask, child, out[0] as NewTextState);
      }
    }
  }

  /**
   * The mask inside a text, kept by the table's state and by what the limits of length mean within a token.
   *
   * @param limit  most bytes from after the token to the closing quote; where there is one, the mask is not kept
   */
  private inside(node: number, lexer: TextLexer, state: number, count: number, limit: number): InsideMask {
    const { table } = lexer;
    if (limit < Number.POSITIVE_INFINITY) {
      return this.sieve(this.read(node, table, state, lexer, count), lexer, count, limit);
    }
    let masks = this.kept.get(table);
    if (!masks) {
      masks = new Map();
      this.kept.set(table, masks);
    }
    const { longest } = this.trie;
    const room = lexer.max - count;
    const roomKey = room >= longest + table.farthest ? '' : room;
    const key = `${node},${state},${roomKey},${Math.min(Math.max(0, lexer.min - count), longest + 1)}`;
    let inside = masks.get(key);
    if (!inside) {
      if (this.numKept >= MAX_KEPT) {
        this.kept = new WeakMap([[table, (masks = new Map())]]);
        this.readings = new WeakMap();
        this.numKept = 0;
      }
      inside = this.sieve(this.read(node, table, state, lexer, count), lexer, count, limit);
      masks.set(key, inside);
      this.numKept++;
    }
    return inside;
  }

  private sieve(
    { ids, points, left, closedAt, count: numIds }: Readings,
    lexer: TextLexer,
    count: number,
    limit: number,
  ): InsideMask {
    const words = new Uint32Array(this.trie.numWords);
    const entries: { bytes: Uint8Array; id: number }[] = [];
    const longExits: number[] = [];
    for (let i = 0; i < numIds; i++) {
      if (count + points[i] > lexer.max) continue;
      const id = ids[i];
      const close = closedAt[i];
      if (close > 0 && count + points[i] < lexer.min) continue;
      if (close === 0 && Math.max(left[i], lexer.min - count - points[i] + 1) > limit) continue;
      const bytes = close > 0 ? this.trie.tokenBytes(id) : undefined;
      if (!bytes || bytes.length === close) {
        setBit(words, id);
        continue;
      }
      const exit = bytes.subarray(close);
      entries.push({ bytes: exit, id });
      if (exit.indexOf(0x22) !== exit.lastIndexOf(0x22)) longExits.push(id);
    }
    return { ...tokenSet(words), exits: new PrefixTree(entries), longExits };
  }

  /** Reads every token below `node`. Where the language is not free, limits of length are already minded. */
  private read(
    node: number,
    table: TextTable,
    first: number,
    lexer: TextLexer,
    firstCount: number,
  ): Readings {
    const kept = this.readings.get(table) ?? new Map<string, Readings>();
    this.readings.set(table, kept);
    const key = `${node},${first}`;
    const known = table.isFree ? kept.get(key) : undefined;
    if (known) return known;
    const room = table.isFree ? Number.POSITIVE_INFINITY : lexer.max - firstCount;
    const { ids, points, left, closedAt } = this.found;
    const { tree, longest } = this.trie;
    const { byte, depth, after, firstId } = tree;
    const base = depth[node];
    const states = new Int32Array(longest + 1);
    const counts = new Int32Array(longest + 1);
    states[0] = first;
    let count = 0;
    const add = (from: number, to: number, needs: number, bytes: number, close: number) => {
      for (let i = from; i < to; i++) {
        ids[count] = tree.ids[i];
        points[count] = needs;
        left[count] = Math.min(bytes, 0xffff);
        closedAt[count++] = close;
      }
    };
    for (let child = node + 1; child < after[node]; ) {
      const at = depth[child] - base;
      const move = table.move(states[at - 1], byte[child]);
      if (move >= 0) {
        const done = completes(move) ? counts[at - 1] + 1 : counts[at - 1];
        const to = stateOf(move);
        const needs = done + table.pointsLeft(to);
        if (needs <= room) {
          states[at] = to;
          counts[at] = done;
          if (firstId[child + 1] > firstId[child])
            add(firstId[child], firstId[child + 1], needs, table.bytesLeft(to), 0);
          child++;
          continue;
        }
      } else if (move === CLOSE) {
        add(firstId[child], firstId[after[child]], counts[at - 1], 0, depth[child]);
      }
      child = after[child];
    }
    if (!table.isFree) return { ids, points, left, closedAt, count };
    const copy = {
      ids: ids.slice(0, count),
      points: points.slice(0, count),
      left: left.slice(0, count),
      closedAt: closedAt.slice(0, count),
      count,
    };
    kept.set(key, copy);
    return copy;
  }

  /** Sets the bits of all ids in `tree` whose bytes the states allow. */
  private walk(mask: Uint32Array, tree: PrefixTree, first: readonly State[], limit: number): void {
    const { byte, depth, after, firstId, ids } = tree;
    const states: (readonly State[])[] = [first];
    for (let node = 1; node < byte.length; ) {
      this.steps++;
      const next = stepAll(states[depth[node] - 1], byte[node]);
      if (next.length === 0) {
        node = after[node];
        continue;
      }
      states[depth[node]] = next;
      if (firstId[node + 1] > firstId[node] && endsWithin(next, limit)) {
        for (let i = firstId[node]; i < firstId[node + 1]; i++) setBit(mask, ids[i]);
      }
      node++;
    }
  }
}

/** What a mask holds; a list takes more memory than a mask from half as many tokens as words on. */
function tokenSet(mask: Uint32Array): TokenSet {
  const ids: number[] = [];
  for (let i = 0; i < mask.length; i++) {
    for (let rest = mask[i]; rest !== 0; rest &= rest - 1) {
      if (ids.length > mask.length / 2) return { words: mask.slice(), ids: [] };
      ids.push(32 * i + 31 - Math.clz32(rest & -rest));
    }
  }
  return { words: undefined, ids };
}

function sizeOf({ words, ids }: TokenSet): number {
  return words?.length ?? 2 * ids.length;
}

function addTokens(mask: Uint32Array, { words, ids }: TokenSet): void {
  if (words) for (let i = 0; i < mask.length; i++) mask[i] |= words[i];
  for (const id of ids) setBit(mask, id);
}

function endsWithin(states: readonly State[], limit: number): boolean {
  return limit === Number.POSITIVE_INFINITY || states.some((state) => state.remaining <= limit);
}

/** One past the last of the ids in a node's subtree. */
function lastId(tree: PrefixTree, node: number): number {
  return tree.firstId[tree.after[node]];
}

/** The states after the bytes of a token from an offset on. */
function readToken(state: State, bytes: Uint8Array, from: number): readonly State[] {
  let states: readonly State[] = [state];
  for (let at = from; at < bytes.length && states.length > 0; at++) states = stepAll(states, bytes[at]);
  return states;
}
