// A conversation that keeps its cache: every turn gives the whole prompt, and only what differs from what is
// in the cache already is computed.

import { type ChatMessage, conversationOf } from '../chat/message.ts';
import type { ChatTokenizer } from '../chat/template.ts';
import type { Model } from '../model/model.ts';
import { generate } from './generate.ts';
import type {
  AnswerTokenizer,
  GeneratedToken,
  GenerateOptions,
  GenerationResult,
  Timeline,
} from './options.ts';

/** What a session needs of a tokenizer and a chat template. */
export type SessionTokenizer = AnswerTokenizer & ChatTokenizer;

export interface MessageEncoder {
  encode(
    tokenizer: ChatTokenizer,
    messages: readonly ChatMessage[],
    options: { addGenerationPrompt: boolean },
  ): Promise<number[]>;
}

/** A model, its tokenizer and one cache. */
export class Session {
  private readonly model: Model;
  private readonly tokenizer: SessionTokenizer;
  private readonly template: MessageEncoder | undefined;
  private readonly timeline: Timeline;
  /** Of the answer that is being generated. */
  private stop: AbortController | undefined;
  private isClosed = false;

  /**
   * @param options.maxSeqLen positions that the session may use; the model's limit by default
   * @param options.timeline  a cache and what is in it, to go on from; the session owns it from now on
   */
  constructor(
    model: Model,
    tokenizer: SessionTokenizer,
    template?: MessageEncoder,
    options: { maxSeqLen?: number; timeline?: Timeline } = {},
  ) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.template = template;
    this.timeline = options.timeline ?? { cache: model.newCache(options.maxSeqLen), ids: [] };
  }

  /** Ids whose keys and values are in the cache. */
  get cachedIds(): readonly number[] {
    return this.timeline.ids;
  }

  /**
   * Like `generate`, from ids. Ids that the prompt has in common with the turn before are not computed again.
   *
   * @throws Error when the session was closed, or the answer before is still being generated
   */
  async *generate(
    promptIds: readonly number[],
    options: Omit<GenerateOptions, 'timeline'> = {},
  ): AsyncGenerator<GeneratedToken, GenerationResult> {
    this.checkOpen();
    if (this.stop) {
      throw new Error(
        'session: expected one answer at a time; finish or return the one that is being generated',
      );
    }
    const stop = new AbortController();
    this.stop = stop;
    const abort = () => stop.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', abort);
    if (options.signal?.aborted) abort();
    try {
      const own = { ...options, signal: stop.signal, timeline: this.timeline };
      return yield* generate(this.model, this.tokenizer, promptIds, own);
    } finally {
      options.signal?.removeEventListener('abort', abort);
      this.stop = undefined;
      if (this.isClosed) this.model.freeCache(this.timeline.cache);
    }
  }

  /**
   * Answers the last message of a conversation, or one question, through the model's own chat template.
   *
   * @throws TypeError when the session was made without a template, or for what is no conversation
   * @throws Error     when the session was closed, or the answer before is still being generated
   */
  async *chat(
    messages: string | readonly ChatMessage[],
    options: Omit<GenerateOptions, 'timeline'> = {},
  ): AsyncGenerator<GeneratedToken, GenerationResult> {
    this.checkOpen();
    if (!this.template) {
      throw new TypeError('chat: expected a model with a chat template, got none; use generate() instead');
    }
    const ids = await this.template.encode(this.tokenizer, conversationOf(messages), {
      addGenerationPrompt: true,
    });
    return yield* this.generate(ids, options);
  }

  /** Gives the cache back, and ends the answer that is being generated; the model stays. A second call does nothing. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.stop) this.stop.abort();
    else this.model.freeCache(this.timeline.cache);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private checkOpen(): void {
    if (!this.isClosed) return;
    throw new Error('session: expected one that is open, got one that was closed; begin another');
  }
}
