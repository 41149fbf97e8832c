// Who writes synthetic conversations: a model in this program or behind an address. What is written goes
// through the same checks whoever it was; see src/node/synthesize for the two.

/** A message as SmolTalk has it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Turn {
  readonly text: string;
  /** The model ended the turn itself; otherwise the limit did. */
  readonly isEnded: boolean;
}

export interface TurnOptions {
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Taken from the logit of a token for each time that this turn holds it already: a loop ends. 0 by default. */
  readonly frequencyPenalty?: number;
  /** The turn may not begin with the marks of a heading or of bold text. */
  readonly avoidsMarkdown?: boolean;
}

export interface Writer {
  /** For the record: what wrote it. */
  readonly name: string;
  /**
   * What the model writes where the template has opened a turn of this role behind the messages. A user's
   * turn (MagPie)
   * needs the raw template: see `canOpenUserTurn`.
   */
  turn(messages: readonly Message[], role: 'user' | 'assistant', options: TurnOptions): Promise<Turn>;
  /** An answer that is JSON of a schema; undefined where what came is not. */
  json(messages: readonly Message[], schema: object, options: TurnOptions): Promise<unknown>;
  /** Texts that belong to the template and to no message. */
  readonly templateTexts: readonly string[];
}

/** A row of a synthetic source, or why there is none. */
export type Written =
  | {
      readonly messages: readonly Message[];
      readonly labels: Readonly<Record<string, string>>;
      rejected?: undefined;
    }
  | { readonly rejected: string; readonly messages: readonly Message[] };
