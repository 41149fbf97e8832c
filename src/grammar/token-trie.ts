// The vocabulary as a prefix tree of bytes, laid out in the order of a depth-first walk, so that asking "which tokens
// may come now?" is one pass over an array that skips what is dead.

/** What is needed of a tokenizer; the project's `Tokenizer` is one. */
export interface TokenBytes {
  readonly vocabSize: number;
  /** Ids that end a text. */
  readonly eosIds: readonly number[];
  /** The bytes that a token stands for. */
  tokenBytes(id: number): Uint8Array;
  isSpecial(id: number): boolean;
}

/** Byte strings with the ids of their tokens, as a tree in preorder. Node 0 is the root. */
export class PrefixTree {
  /** [numNodes]: the byte that leads to the node, its depth, and the node after its subtree. */
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  readonly after: Int32Array;
  /** Ids that end at node n: `ids[firstId[n] .. firstId[n + 1])`; those of a whole subtree stand together too. */
  readonly firstId: Int32Array;
  readonly ids: Int32Array;

  /** @param entries  bytes and id of each token, in any order */
  constructor(entries: readonly { readonly bytes: Uint8Array; readonly id: number }[]) {
    const sorted = [...entries].sort((a, b) => compareBytes(a.bytes, b.bytes) || a.id - b.id);
    const byte = [0];
    const depth = [0];
    const after = [0];
    const firstId = [0];
    const path = [0]; // nodes from the root to the newest
    let before: Uint8Array = new Uint8Array(0);
    sorted.forEach(({ bytes }, i) => {
      let shared = 0;
      while (shared < before.length && shared < bytes.length && before[shared] === bytes[shared]) shared++;
      while (path.length > shared + 1) after[path.pop() as number] = byte.length;
      for (let at = shared; at < bytes.length; at++) {
        path.push(byte.length);
        byte.push(bytes[at]);
        depth.push(at + 1);
        after.push(0);
        firstId.push(i);
      }
      before = bytes;
    });
    for (const node of path) after[node] = byte.length;
    firstId.push(sorted.length);
    this.byte = Uint8Array.from(byte);
    this.depth = Uint16Array.from(depth);
    this.after = Int32Array.from(after);
    this.firstId = Int32Array.from(firstId);
    this.ids = Int32Array.from(sorted, ({ id }) => id);
  }

  /** The child of `node` along `byte`, or -1. */
  child(node: number, byte: number): number {
    for (let at = node + 1; at < this.after[node]; at = this.after[at]) {
      if (this.byte[at] === byte) return at;
    }
    return -1;
  }

  /** Depth of the deepest node. */
  get height(): number {
    return this.depth.reduce((most, depth) => Math.max(most, depth), 0);
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** Everything that masks need of a vocabulary, built once per tokenizer. */
export class TokenTrie {
  readonly vocabSize: number;
  readonly eosIds: readonly number[];
  /** 32-bit words in a mask. */
  readonly numWords: number;
  /** The ordinary tokens: special ones are never part of constrained text. */
  readonly tree: PrefixTree;
  /** [256]: 1 where a token of this single byte exists, so that the byte can always be written. */
  readonly hasByte = new Uint8Array(256);
  /** Bytes of the longest token. */
  readonly longest: number;
  private readonly bytes: readonly (Uint8Array | undefined)[];
  private static readonly built = new WeakMap<TokenBytes, TokenTrie>();

  /** The trie of a tokenizer; the same one when asked again. */
  static of(tokenizer: TokenBytes): TokenTrie {
    let trie = TokenTrie.built.get(tokenizer);
    if (!trie) {
      trie = new TokenTrie(tokenizer);
      TokenTrie.built.set(tokenizer, trie);
    }
    return trie;
  }

  private constructor(tokenizer: TokenBytes) {
    this.vocabSize = tokenizer.vocabSize;
    this.eosIds = tokenizer.eosIds;
    this.numWords = Math.ceil(this.vocabSize / 32);
    const ended = new Set(tokenizer.eosIds);
    const entries = [];
    const bytesOf: (Uint8Array | undefined)[] = [];
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      if (tokenizer.isSpecial(id) || ended.has(id)) continue;
      const bytes = tokenizer.tokenBytes(id);
      if (bytes.length === 0) continue;
      if (bytes.length === 1) this.hasByte[bytes[0]] = 1;
      bytesOf[id] = bytes;
      entries.push({ bytes, id });
    }
    this.bytes = bytesOf;
    this.tree = new PrefixTree(entries);
    this.longest = this.tree.height;
  }

  /** Whether the token may stand in constrained text at all. */
  isOrdinary(id: number): boolean {
    return this.bytes[id] !== undefined;
  }

  /** Ids whose bytes are these, each the longest token that fits. */
  longestTokens(bytes: readonly number[]): number[] {
    const { tree } = this;
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      let longest = -1;
      let end = at + 1;
      for (let node = tree.child(0, bytes[at]), i = at + 1; node >= 0; node = tree.child(node, bytes[i++])) {
        if (tree.firstId[node + 1] > tree.firstId[node]) {
          longest = tree.ids[tree.firstId[node]];
          end = i;
        }
        if (i >= bytes.length) break;
      }
      if (longest < 0) break;
      ids.push(longest);
      at = end;
    }
    return ids;
  }

  /** @throws RangeError  when `id` is no ordinary token */
  tokenBytes(id: number): Uint8Array {
    const bytes = this.bytes[id];
    if (!bytes) throw new RangeError(`token id: expected an ordinary token, got ${id}`);
    return bytes;
  }
}
