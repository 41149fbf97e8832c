// Conversations to text through the template that came with the model file. Jinja templates are programs;
// they run in jinja/, loaded only when one is used, within the limits of budget.ts. The template of SmolLM2
// itself is known and needs no engine (chatml.ts).

import { FormatError } from '../base/errors.ts';
import { checkOptions, flag, listOf, type Rules } from '../base/options.ts';
import { Budget, MAX_SPACE_RUN, MAX_TEMPLATE_LENGTH } from './budget.ts';
import { chatml, SMOLLM2_TEMPLATE } from './chatml.ts';
import { Guard, type GuardedText } from './guard.ts';
import type { Render } from './jinja/run.ts';
import { type ChatMessage, contentText } from './message.ts';
import { strftime } from './strftime.ts';

export { chatml } from './chatml.ts';
export { type ChatMessage, checkMessages, type TextPart } from './message.ts';

/** Texts of special tokens; templates know them as `bos_token` and so on. */
export interface SpecialTexts {
  readonly bos?: string;
  readonly eos?: string;
  readonly pad?: string;
  readonly unk?: string;
}

export interface RenderOptions {
  /** End with the beginning of the assistant's answer. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of tools as JSON values, for templates that show them. */
  readonly tools?: readonly unknown[];
  /** What `strftime_now` takes for now; the clock by default. */
  readonly now?: Date;
}

/** What each option of `render` may be. */
export const RENDER_RULES: Rules<RenderOptions> = {
  addGenerationPrompt: flag,
  tools: listOf('an array of descriptions', () => true),
  now: { expected: 'a date', isKind: (value) => value instanceof Date },
};

/**
 * The template itself turned the conversation down (`raise_exception`); the message is the template's own.
 */
export class ConversationError extends RangeError {
  override readonly name = 'ConversationError';
}

const FILE = 'chat template';

/** What `encode` needs of a tokenizer. */
export interface ChatTokenizer {
  /** Texts of the special tokens. */
  readonly specialTexts: readonly string[];
  encode(text: string, options: { addBos: boolean; mark?: string }): number[];
}

/** Templates that look at the kind of a content; the others write it as it is. */
const LOOKS_AT_PARTS =
  /\bis\s+(?:not\s+)?(?:string|iterable|sequence|mapping)\b|\.type\b|\[\s*['"]type['"]\s*\]/;

/** The chat template that came with a model's file: a conversation to the text that the model reads. */
export class ChatTemplate {
  readonly source: string;
  private readonly specials: SpecialTexts;
  private compiled: Promise<Render> | undefined;

  /** @throws FormatError  when the template is too long to be one (`MAX_TEMPLATE_LENGTH`, `MAX_SPACE_RUN`) */
  constructor(source: string, specials: SpecialTexts = {}) {
    if (source.length > MAX_TEMPLATE_LENGTH) {
      throw new FormatError(`expected at most ${MAX_TEMPLATE_LENGTH} characters, got ${source.length}`, {
        file: FILE,
      });
    }
    if (new RegExp(`\\s{${MAX_SPACE_RUN + 1}}`).test(source)) {
      throw new FormatError(`expected at most ${MAX_SPACE_RUN} characters of white space in a row`, {
        file: FILE,
      });
    }
    this.source = source;
    this.specials = specials;
  }

  /**
   * The text that the model reads for a conversation (transformers' `apply_chat_template`).
   *
   * @throws FormatError        when the template is not valid, or does more than its budget allows
   * @throws ConversationError  when the template does not accept this conversation
   */
  async render(messages: readonly ChatMessage[], options: RenderOptions = {}): Promise<string> {
    checkOptions('render()', options, RENDER_RULES);
    if (this.source === SMOLLM2_TEMPLATE) return chatml(messages, options);
    try {
      this.compiled ??= import('./jinja/run.ts').then(({ compile }) => compile(this.source));
      const render = await this.compiled;
      const budget = new Budget(JSON.stringify([messages, options.tools ?? null]).length, FILE);
      return render(this.variables(messages, options), budget);
    } catch (error) {
      if (error instanceof FormatError || error instanceof ConversationError) throw error;
      throw new FormatError(`expected a template that can be run, got: ${(error as Error).message}`, {
        file: FILE,
      });
    }
  }

  /**
   * The ids that the model reads for a conversation. Special tokens are read where the template wrote them; in
   * messages and tools they are plain text, so that no message can end itself and begin the next.
   * Contents in parts are joined for templates that do not look at parts.
   *
   * @throws as `render`
   */
  async encode(
    tokenizer: ChatTokenizer,
    messages: readonly ChatMessage[],
    options: RenderOptions = {},
  ): Promise<number[]> {
    const { text, mark } = await this.guarded(tokenizer.specialTexts, messages, options);
    // The template has written the begin-of-text token where the model wants one.
    return tokenizer.encode(text, { addBos: false, ...(mark !== undefined && { mark }) });
  }

  /** What `encode` cuts into tokens: as `render` writes it, but special tokens that messages brought are broken. */
  async guarded(
    specials: readonly string[],
    messages: readonly ChatMessage[],
    options: RenderOptions,
  ): Promise<GuardedText> {
    const joined = LOOKS_AT_PARTS.test(this.source)
      ? messages
      : messages.map((one) => (Array.isArray(one.content) ? { ...one, content: contentText(one) } : one));
    const inputs = JSON.stringify([joined, options.tools ?? null]);
    const guard = new Guard(specials, this.source, inputs);
    const broken = guard.broken(joined) as readonly ChatMessage[];
    const tools = guard.broken(options.tools) as readonly unknown[] | undefined;
    if (JSON.stringify([broken, tools ?? null]) === inputs) {
      return { text: await this.render(joined, options), mark: undefined };
    }
    return { text: await this.render(broken, { ...options, ...(tools && { tools }) }), mark: guard.mark };
  }

  /** The environment that transformers gives a template. */
  private variables(messages: readonly ChatMessage[], options: RenderOptions): Record<string, unknown> {
    const specials = Object.entries(this.specials).filter(([, text]) => text !== undefined);
    return {
      ...Object.fromEntries(specials.map(([name, text]) => [`${name}_token`, text])),
      messages,
      tools: options.tools ?? null,
      documents: null,
      add_generation_prompt: options.addGenerationPrompt === true,
      raise_exception: (message: string) => {
        throw new ConversationError(message);
      },
      strftime_now: (format: string) => strftime(options.now ?? new Date(), format),
    };
  }
}
