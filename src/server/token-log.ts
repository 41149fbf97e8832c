// Tokens with the text that each of them brought, given out when that text is shown: tokens joined are the text.

import type { GeneratedToken } from '../generate/generate.ts';
import type { IdLogprob } from '../generate/logprobs.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** A token whose text has been shown. */
export interface LoggedToken {
  readonly id: number;
  readonly logprob: number;
  readonly top: readonly IdLogprob[];
}

export class TokenLog {
  private readonly tokenizer: Pick<Tokenizer, 'isSpecial'>;
  private readonly decoder: ReturnType<Tokenizer['decoder']>;
  private readonly held: { token: LoggedToken; end: number }[] = [];
  /** Characters of all tokens, of all text that was shown, and of all tokens that were given out. */
  private written = 0;
  private shown = 0;
  private given = 0;

  constructor(tokenizer: Pick<Tokenizer, 'decoder' | 'isSpecial'>) {
    this.tokenizer = tokenizer;
    this.decoder = tokenizer.decoder({ skipSpecial: true });
  }

  /** @returns the tokens whose text is now shown */
  push({ id, text, logprob = 0, topLogprobs = [] }: GeneratedToken): LoggedToken[] {
    const brought = this.decoder.push(id).length;
    this.written += brought;
    // One that completes no character is shown with the character.
    const isHalf = brought === 0 && !this.tokenizer.isSpecial(id);
    this.held.push({ token: { id, logprob, top: topLogprobs }, end: this.written + Number(isHalf) });
    this.shown += text.length;
    let ready = 0;
    while (ready < this.held.length && this.held[ready].end <= this.shown)
      this.given = this.held[ready++].end;
    return this.held.splice(0, ready).map(({ token }) => token);
  }

  /** At the end of an answer: the token of which a part is shown, when a stop string cut it. */
  end(): LoggedToken[] {
    const [first] = this.held.splice(0);
    return first && this.given < this.shown ? [first.token] : [];
  }
}
