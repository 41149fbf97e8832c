// What the AI SDK asks of a model and hears from it, as far as this model has it: versions 2 (`ai` 5) and 3 (`ai` 6) of
// its LanguageModel. Said here in types of our own, so that nothing has to be installed.

type JsonObject = { [name: string]: unknown };

export interface CallOptions {
  readonly prompt: readonly PromptMessage[];
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly stopSequences?: readonly string[];
  readonly seed?: number;
  readonly responseFormat?: {
    readonly type: 'text' | 'json';
    readonly schema?: unknown;
    readonly name?: string;
  };
  readonly tools?: readonly OfferedTool[];
  readonly toolChoice?: { readonly type: 'auto' | 'none' | 'required' | 'tool'; readonly toolName?: string };
  readonly abortSignal?: AbortSignal;
  /** Those of `smollm2` are fields of the server's, such as `min_p`. */
  readonly providerOptions?: { readonly [provider: string]: { readonly [name: string]: unknown } };
}

export interface OfferedTool {
  readonly type: string;
  readonly name: string;
  readonly description?: string;
  readonly inputSchema?: unknown;
}

export interface PromptMessage {
  readonly role: string;
  readonly content: string | readonly PromptPart[];
}

/** A part of a message; which members it has, its type says. */
export interface PromptPart {
  readonly type: string;
  readonly text?: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly input?: unknown;
  readonly output?: { readonly type: string; readonly value?: unknown; readonly reason?: string };
}

export interface Warning {
  readonly type: 'other';
  readonly message: string;
}

export interface CalledTool {
  type: 'tool-call';
  toolCallId: string;
  toolName: string;
  /** JSON. */
  input: string;
}

export type Content = { type: 'text'; text: string } | CalledTool;

type Reason = 'stop' | 'length' | 'tool-calls' | 'other';

/** How the two versions count and end. */
export interface Endings {
  2: {
    usage: {
      inputTokens: number | undefined;
      outputTokens: number | undefined;
      totalTokens: number | undefined;
      cachedInputTokens?: number;
    };
    finishReason: Reason;
  };
  3: {
    usage: {
      inputTokens: {
        total: number | undefined;
        noCache: number | undefined;
        cacheRead: number | undefined;
        cacheWrite: number | undefined;
      };
      outputTokens: { total: number | undefined; text: number | undefined; reasoning: number | undefined };
    };
    finishReason: { unified: Reason; raw: string | undefined };
  };
}

export type Version = keyof Endings;

export type StreamPart<V extends Version> =
  | { type: 'stream-start'; warnings: Warning[] }
  | { type: 'response-metadata'; id: string; modelId: string; timestamp: Date }
  | { type: 'text-start' | 'text-end'; id: string }
  | { type: 'text-delta'; id: string; delta: string }
  | { type: 'tool-input-start'; id: string; toolName: string }
  | { type: 'tool-input-delta'; id: string; delta: string }
  | { type: 'tool-input-end'; id: string }
  | CalledTool
  | ({ type: 'finish' } & Endings[V])
  | { type: 'error'; error: unknown };

/** A model as `generateText`, `streamText` and `generateObject` take it. */
export interface LanguageModel<V extends Version> {
  readonly specificationVersion: `v${V}`;
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: Record<string, RegExp[]>;
  doGenerate(options: CallOptions): Promise<
    {
      content: Content[];
      warnings: Warning[];
      request: { body: JsonObject };
      response: { id: string; modelId: string; timestamp: Date };
    } & Endings[V]
  >;
  doStream(options: CallOptions): Promise<{
    stream: ReadableStream<StreamPart<V>>;
    request: { body: JsonObject };
  }>;
}
