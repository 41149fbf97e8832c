/**
 * Text to token ids: cut the text with `pattern`, take the UTF-8 bytes of each piece, and merge within each piece:
 * always the pair of neighbours whose merge has the lowest index in `merges` (the leftmost such pair), until no pair of
 * neighbours is on the list.
 *
 * @param merges  merges[r] = [left, right]: these two ids become id 256 + r; ids below 256 are bytes
 * @param pattern has the flag g: text.match(pattern) gives all pieces, or null when there are none
 */
export function bpe(text: string, merges: [left: number, right: number][], pattern: RegExp): number[] {
  throw new Error(`todo: ${text.match(pattern)?.length} pieces, ${merges.length} merges`);
}
