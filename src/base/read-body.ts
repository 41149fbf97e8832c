import { FormatError } from './errors.ts';

/**
 * The text of an answer, counted while it is read: an answer without end is refused at `maxBytes`.
 *
 * @throws FormatError when it is longer
 */
export async function readBodyText(response: Response, maxBytes: number, url: string): Promise<string> {
  const refuse = (): never => {
    throw new FormatError(`expected an answer of at most ${maxBytes} bytes, got more`, { file: url });
  };
  if (!response.body) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    size += piece.value.length;
    if (size > maxBytes) {
      await reader.cancel().catch(() => undefined);
      refuse();
    }
    text += decoder.decode(piece.value, { stream: true });
  }
  return text + decoder.decode();
}
