// A loaded SmolLM2 with everything that came in its file: what `load()` gives on every platform. The doors
// (src/node/index.ts, browser.ts, edge.ts) differ only in where bytes and threads come from. What few programs ask for
// is loaded when they do: a page or a worker on the edge starts without it.

import { UnsupportedError } from './base/errors.ts';
import { checkOptions, count } from './base/options.ts';
import { type ChatMessage, checkMessages, conversationOf } from './chat/message.ts';
import { ChatTemplate } from './chat/template.ts';
import type { ModelConfig } from './config.ts';
import type { Checkpoint } from './format/checkpoint.ts';
import { DEFAULT_MAX_TOKENS } from './generate/answer.ts';
import {
  type GeneratedToken,
  type GenerateOptions,
  type GenerationResult,
  generate,
} from './generate/generate.ts';
import { Session } from './generate/session.ts';
import { constraintOf, type StructureOptions } from './generate/structured.ts';
import type { Json } from './grammar/json.ts';
import type { Model } from './model/model.ts';
import { systemFingerprint } from './run/fingerprint.ts';
import type { Choice, Score } from './score/likelihood.ts';
import { Tokenizer } from './tokenizer/tokenizer.ts';

/** A loaded model with its tokenizer and chat template: what `load` gives. Close it when it is not needed any more. */
export class SmolLM2 {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  /** The file's own chat template; absent in base models. */
  readonly template: ChatTemplate | undefined;
  private fingerprint: Promise<string> | undefined;

  constructor(model: Model, tokenizer: Tokenizer, template?: ChatTemplate) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.config = model.config;
    this.template = template;
  }

  /**
   * Continues a text, or ids, token by token. The tokens' `text` joined is the answer; the generator's return value
   * says why it ended and how fast it was. With `schema`, `grammar` or `regex` the answer has that form.
   *
   * @throws GrammarError  for a form that is broken or cannot be enforced exactly
   */
  generate(
    prompt: string | readonly number[],
    options: GenerateOptions & StructureOptions = {},
  ): AsyncGenerator<GeneratedToken, GenerationResult> {
    const ids = typeof prompt === 'string' ? this.tokenizer.encode(prompt) : prompt;
    const { schema, grammar, regex, ...rest } = options;
    if (schema === undefined && grammar === undefined && regex === undefined) {
      return generate(this.model, this.tokenizer, ids, rest);
    }
    return this.generateForm(ids, { schema, grammar, regex }, rest);
  }

  private async *generateForm(
    ids: readonly number[],
    form: StructureOptions,
    options: GenerateOptions,
  ): AsyncGenerator<GeneratedToken, GenerationResult> {
    if (options.constraint) throw new RangeError('generate(): expected a form or a constraint, got both');
    const maxTokens =
      options.maxTokens ?? Math.min(DEFAULT_MAX_TOKENS, this.config.maxSeqLen + 1 - ids.length);
    const endIds = [...this.tokenizer.eosIds, ...this.config.eosIds];
    const constraint = await constraintOf(form, this.tokenizer, maxTokens, endIds);
    return yield* generate(this.model, this.tokenizer, ids, { ...options, maxTokens, constraint });
  }

  /** Answers a conversation, or one question, through the model's chat template. */
  async *chat(
    messages: string | readonly ChatMessage[],
    options: GenerateOptions & StructureOptions = {},
  ): AsyncGenerator<GeneratedToken, GenerationResult> {
    const conversation = conversationOf(messages);
    const ids = await this.chatTemplate().encode(this.tokenizer, conversation, { addGenerationPrompt: true });
    return yield* this.generate(ids, options);
  }

  /**
   * The whole answer to a conversation, or one question: its text, ids, why it ended and what it took. Answers that are
   * asked for together are computed together, each with the bits that it has alone.
   */
  async answer(
    messages: string | readonly ChatMessage[],
    options: GenerateOptions = {},
  ): Promise<GenerationResult> {
    const answer = this.chat(messages, options);
    for (;;) {
      const step = await answer.next();
      if (step.done) return step.value;
    }
  }

  /** A conversation that keeps its cache: later turns compute only what is new. */
  session(): Session {
    return new Session(this.model, this.tokenizer, this.chatTemplate());
  }

  /**
   * The state behind a fixed beginning, such as a system message, as bytes to ship with an app: `restore` goes on from
   * there in milliseconds.
   */
  async snapshot(messages: readonly ChatMessage[]): Promise<Uint8Array> {
    const ids = await this.chatTemplate().encode(this.tokenizer, checkMessages(messages));
    const { saveSnapshot } = await import('./run/snapshot.ts');
    return saveSnapshot(this.model, ids);
  }

  /**
   * A conversation that begins with what `snapshot` kept; give `chat` the same first messages.
   *
   * @throws UnsupportedError for a snapshot of other weights, kernels, precision or cache type
   */
  async restore(snapshot: Uint8Array, options: { maxSeqLen?: number } = {}): Promise<Session> {
    const { maxSeqLen } = checkOptions('restore()', options, { maxSeqLen: count(1) });
    const { restoreSnapshot } = await import('./run/snapshot.ts');
    const timeline = await restoreSnapshot(this.model, snapshot, maxSeqLen);
    return new Session(this.model, this.tokenizer, this.chatTemplate(), { timeline });
  }

  /** How likely the model finds each text: see score/likelihood.ts. */
  async score(texts: readonly string[]): Promise<Score[]> {
    const { score } = await import('./score/likelihood.ts');
    return score(this.model, this.tokenizer, texts);
  }

  /** The likeliest continuation of `prompt` among `labels`, with a probability for each. */
  async choose(prompt: string, labels: readonly string[]): Promise<Choice> {
    const { choose } = await import('./score/likelihood.ts');
    return choose(this.model, this.tokenizer, prompt, labels);
  }

  /**
   * Which label fits a text: `choose` behind a prompt that lists the labels, or behind one of your own (examples in it
   * help a small model most). The labels follow the prompt after a space.
   */
  async classify(
    text: string,
    labels: readonly string[],
    prompt: (text: string, labels: readonly string[]) => string = classifyPrompt,
  ): Promise<Choice> {
    const asked = prompt(text, labels);
    const { index, scores } = await this.choose(
      asked,
      labels.map((label) => ` ${label}`),
    );
    return {
      label: labels[index],
      index,
      scores: scores.map((score, i) => ({ ...score, label: labels[i] })),
    };
  }

  /**
   * What a text says, as JSON of a schema: a question behind the chat template (a prompt to be continued where there is
   * none), answered in that form. The value is always of the schema; whether it is right is the model's affair.
   *
   * @throws GrammarError  for a schema that cannot be enforced exactly
   * @throws RangeError    when `maxTokens` (256 by default) do not suffice for the shortest answer
   */
  async extract(
    text: string,
    schema: Json | string,
    options: GenerateOptions & { prompt?: (text: string) => string } = {},
  ): Promise<Json> {
    const { prompt = extractPrompt, ...rest } = options;
    const asked = prompt(text);
    const answer = this.template
      ? this.chat(asked, { ...rest, schema })
      : this.generate(`${asked}\n`, { ...rest, schema });
    let step = await answer.next();
    while (!step.done) step = await answer.next();
    if (step.value.finishReason === 'stop') return JSON.parse(step.value.text) as Json;
    throw new RangeError(
      `extract(): expected an answer that ends, got one cut by ${step.value.finishReason}; raise maxTokens`,
    );
  }

  /** One vector of length 1 for each text, [hiddenSize]: the mean of its last hidden states. */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const { embed } = await import('./score/embed.ts');
    return embed(this.model, this.tokenizer, texts);
  }

  /**
   * One hash of weights, tokenizer, template, kernels, precision and sampling code: the same fingerprint and request
   * give the same bytes. The first call hashes the weights in memory; `smollm2 generate --json` prints the same one.
   */
  systemFingerprint(): Promise<string> {
    this.fingerprint ??= systemFingerprint(this.model, this.tokenizer, this.template?.source);
    return this.fingerprint;
  }

  /** Stops the workers and gives the memory back. `await using smol = await load(…)` calls it by itself. */
  close(): Promise<void> {
    return this.model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private chatTemplate(): ChatTemplate {
    if (this.template) return this.template;
    throw new UnsupportedError(
      'chat: expected a model with a chat template, got one without; use generate(), or load an Instruct model',
    );
  }
}

/** A running model and the tokenizer and template of the checkpoint that it was loaded from. */
export function bind(model: Model, checkpoint: Checkpoint): SmolLM2 {
  if (!checkpoint.tokenizer) {
    throw new UnsupportedError(`${checkpoint.name}: expected a tokenizer in the file, got none`);
  }
  const tokenizer = Tokenizer.from(checkpoint.tokenizer);
  return new SmolLM2(model, tokenizer, chatTemplateOf(checkpoint, tokenizer));
}

/** The template that came with the model's file, if one did. */
export function chatTemplateOf(
  checkpoint: Pick<Checkpoint, 'chatTemplate'>,
  tokenizer: Tokenizer,
): ChatTemplate | undefined {
  if (checkpoint.chatTemplate === undefined) return undefined;
  const text = (id: number | undefined) => (id === undefined ? undefined : tokenizer.tokenText(id));
  return new ChatTemplate(checkpoint.chatTemplate, {
    bos: text(tokenizer.bosId),
    eos: text(tokenizer.eosIds[0]),
  });
}

/** As a text to be continued, not as a question: 9 of 9 easy texts against 6 of 9 (135M, likelihood.slow.test). */
function classifyPrompt(text: string, labels: readonly string[]): string {
  return `Labels: ${labels.join(', ')}\n\nText: ${text}\nLabel:`;
}

function extractPrompt(text: string): string {
  return `Extract the information from this text as JSON.\n\nText: ${text}\n\nJSON:`;
}
