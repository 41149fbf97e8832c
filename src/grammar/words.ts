// Finite sets of byte strings as trees: constants, enumerations, the names of an object's properties, and what has
// been used already where nothing may come twice.

const utf8 = new TextEncoder();

/** A place in a set of byte strings; the root is the set. */
export class WordNode {
  readonly children = new Map<number, WordNode>();
  /** Which word ends here, by the number it was added with; -1 where none does. */
  word = -1;
  /** Fewest bytes to the end of a word. */
  fewest = Number.POSITIVE_INFINITY;

  add(bytes: Uint8Array, word: number): void {
    let node: WordNode = this;
    bytes.forEach((byte, i) => {
      node.fewest = Math.min(node.fewest, bytes.length - i);
      let next = node.children.get(byte);
      if (!next) {
        next = new WordNode();
        node.children.set(byte, next);
      }
      node = next;
    });
    node.fewest = 0;
    node.word = word;
  }

  /** The set with one more word; this set stays as it is. */
  with(bytes: Uint8Array, at = 0): WordNode {
    const copy = new WordNode();
    for (const [byte, child] of this.children) copy.children.set(byte, child);
    copy.word = at === bytes.length ? 0 : this.word;
    copy.fewest = Math.min(this.fewest, bytes.length - at);
    if (at < bytes.length) {
      copy.children.set(bytes[at], (this.children.get(bytes[at]) ?? new WordNode()).with(bytes, at + 1));
    }
    return copy;
  }
}

/** Most nodes of sets that are remembered: some 3,000 sets with names of ten bytes. */
const MAX_NODES = 32_768;

/** Sets that grow word by word: the same words in the same order are the same object, so that masks are found. */
export class GrowingSets {
  private readonly known = new Map<string, WordNode>();
  private numNodes = 0;

  with(set: WordNode | undefined, bytes: Uint8Array): WordNode {
    const key = `${set ? identity(set) : ''}:${bytes.join()}`;
    let more = this.known.get(key);
    if (!more) {
      more = (set ?? new WordNode()).with(bytes);
      this.numNodes += bytes.length + 1;
      if (this.numNodes > MAX_NODES) {
        this.known.clear();
        this.numNodes = bytes.length + 1;
      }
      this.known.set(key, more);
    }
    return more;
  }
}

let identities = 0;
const identityOf = new WeakMap<object, number>();
/** A number that names an object, for keys. */
export function identity(object: object): number {
  let id = identityOf.get(object);
  if (id === undefined) {
    id = identities++;
    identityOf.set(object, id);
  }
  return id;
}

export function wordTree(words: readonly Uint8Array[]): WordNode {
  const root = new WordNode();
  words.forEach((bytes, i) => {
    root.add(bytes, i);
  });
  return root;
}

/**
 * A string as JSON.stringify writes it, with escapes where the vocabulary has no tokens for the bytes: SmolLM2 cannot
 * write U+40000 to U+BFFFF otherwise.
 */
export function spellString(text: string, hasByte: Uint8Array): Uint8Array {
  const spelled = Array.from(JSON.stringify(text), (character) => {
    if (utf8.encode(character).every((byte) => hasByte[byte] === 1)) return character;
    return Array.from({ length: character.length }, (_, i) => {
      return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
    }).join('');
  });
  return utf8.encode(spelled.join(''));
}
