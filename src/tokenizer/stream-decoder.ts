// Text from token ids, one at a time. A character of UTF-8 may be split over tokens; its bytes are held back
// until it is whole, so that what has been shown never changes.

/**
 * Made by `Tokenizer.decoder()`; the texts of `push` and `end` joined are what `decode` gives for all ids.
 */
export class StreamDecoder {
  private readonly bytesOf: (id: number) => Uint8Array;
  // A byte-order mark is text like any other here; TextDecoder would swallow the first one.
  private readonly utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  /** @param bytesOf bytes that an id stands for; empty for one that is left out */
  constructor(bytesOf: (id: number) => Uint8Array) {
    this.bytesOf = bytesOf;
  }

  /** The text that `id` completes, often empty. Bytes that cannot become a character are shown as U+FFFD. */
  push(id: number): string {
    const bytes = this.bytesOf(id);
    return bytes.length === 0 ? '' : this.utf8.decode(bytes, { stream: true });
  }

  /** What is held back still, as U+FFFD; the decoder can then be used for another text. */
  end(): string {
    return this.utf8.decode();
  }
}
