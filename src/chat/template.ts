// Conversations to text through the template that came with the model file. Jinja templates are programs;
// they run in @huggingface/jinja, loaded only when one is used, within the limits of budget.ts. The template
// of SmolLM2 itself is known and needs no engine (chatml.ts).

import { FormatError } from '../base/errors.ts';
import { checkOptions, flag, listOf, type Rules } from '../base/options.ts';
import { BoundedRun, type Jinja, type Program, parseTemplate } from './bounded-jinja.ts';
import { Budget, MAX_SPACE_RUN, MAX_TEMPLATE_LENGTH } from './budget.ts';
import { chatml, SMOLLM2_TEMPLATE } from './chatml.ts';
import type { ChatMessage } from './message.ts';
import { strftime } from './strftime.ts';

export { chatml } from './chatml.ts';
export { type ChatMessage, checkMessages } from './message.ts';

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

export class ChatTemplate {
  readonly source: string;
  private readonly specials: SpecialTexts;
  private parsed: Promise<{ jinja: Jinja; program: Program }> | undefined;

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
      this.parsed ??= this.parse();
      const { jinja, program } = await this.parsed;
      const { tools } = options;
      const budget = new Budget(JSON.stringify([messages, tools ?? null]).length, FILE);
      return new BoundedRun(jinja, this.variables(messages, options, budget), budget).render(program);
    } catch (error) {
      if (error instanceof FormatError || error instanceof ConversationError) throw error;
      throw new FormatError(`expected a template that can be run, got: ${(error as Error).message}`, {
        file: FILE,
      });
    }
  }

  private async parse(): Promise<{ jinja: Jinja; program: Program }> {
    const jinja = await import('@huggingface/jinja');
    return { jinja, program: parseTemplate(jinja, this.source) };
  }

  /** The environment that transformers gives a template. */
  private variables(
    messages: readonly ChatMessage[],
    options: RenderOptions,
    budget: Budget,
  ): Record<string, unknown> {
    const specials = Object.entries(this.specials).filter(([, text]) => text !== undefined);
    return {
      ...Object.fromEntries(specials.map(([name, text]) => [`${name}_token`, text])),
      messages,
      tools: options.tools ?? null,
      documents: null,
      add_generation_prompt: options.addGenerationPrompt === true,
      true: true,
      false: false,
      none: null,
      True: true,
      False: false,
      None: null,
      raise_exception: (message: unknown) => {
        throw new ConversationError(String(message));
      },
      strftime_now: (format: unknown) => strftime(options.now ?? new Date(), String(format)),
      range: (first: number, last?: number, step?: number) => budget.range(first, last, step),
    };
  }
}
