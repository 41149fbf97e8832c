// Tokens that are looked for in the text itself before it is cut into words: `<|im_start|>` and its like.
// A trie over UTF-16 units finds the leftmost, and there the longest, as HF `tokenizers` does.

import { FormatError } from '../base/errors.ts';

export interface AddedToken {
  readonly id: number;
  readonly text: string;
  /** Control tokens; they can be read as plain text, and be left out of decoded text. */
  readonly isSpecial: boolean;
  /** Looked for after the text has been normalised, not before. */
  readonly isNormalized: boolean;
}

/**
 * Longest text of an added token in UTF-16 units. The longest in use has 29 (`<|start_header_id|>` has 19);
 * the time to search is at most this many steps per character.
 */
const MAX_ADDED_LENGTH = 256;

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  token: AddedToken | undefined;
}

export interface AddedTokenMatch {
  readonly begin: number;
  readonly end: number;
  readonly id: number;
}

export class AddedTokenFinder {
  private readonly root: TrieNode = { children: new Map(), token: undefined };

  /** @throws FormatError  when a text is empty, too long, has a lone surrogate or comes twice */
  constructor(tokens: Iterable<AddedToken>, file: string) {
    for (const token of tokens) {
      const refuse = (expected: string): never => {
        throw new FormatError(`expected ${expected}, got ${JSON.stringify(token.text.slice(0, 40))}`, {
          file,
          field: `added token ${token.id}`,
        });
      };
      if (token.text.length < 1 || token.text.length > MAX_ADDED_LENGTH) {
        refuse(`a text of 1 to ${MAX_ADDED_LENGTH} units`);
      }
      if (/\p{Cs}/u.test(token.text)) refuse('a text without lone surrogates');
      let node = this.root;
      for (let i = 0; i < token.text.length; i++) {
        const unit = token.text.charCodeAt(i);
        let child = node.children.get(unit);
        if (!child) node.children.set(unit, (child = { children: new Map(), token: undefined }));
        node = child;
      }
      if (node.token) refuse(`a text other than that of ${node.token.id}`);
      node.token = token;
    }
  }

  /** The first added token in [from, end); special ones count only when `special` says so. */
  find(text: string, from: number, end: number, special: boolean): AddedTokenMatch | undefined {
    if (this.root.children.size === 0) return undefined;
    for (let begin = from; begin < end; begin++) {
      let node = this.root.children.get(text.charCodeAt(begin));
      let match: AddedTokenMatch | undefined;
      for (let at = begin + 1; node; at++) {
        if (node.token && (special || !node.token.isSpecial)) match = { begin, end: at, id: node.token.id };
        node = at < end ? node.children.get(text.charCodeAt(at)) : undefined;
      }
      if (match) return match;
    }
    return undefined;
  }
}
