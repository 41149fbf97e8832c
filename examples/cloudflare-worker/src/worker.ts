// SmolLM2 inside a Cloudflare Worker: POST /chat streams the answer, everything else is a static file.

import { load, type SmolLM2 } from 'smollm2';

interface Env {
  ASSETS: { fetch: typeof fetch };
}

const MODEL = 'https://assets.local/model/SmolLM2-135M-Instruct.Q4_1.gguf.json';

/** What this page's conversations are made of; the model's template would write any other role as it is. */
const ROLES = ['system', 'user', 'assistant'];

interface Message {
  role: string;
  content: string;
}

let model: Promise<SmolLM2> | undefined;
let isBusy = false;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method !== 'POST' || pathname !== '/chat') return env.ASSETS.fetch(request);
    // One answer at a time: a second cache would not fit into the isolate's 128 MB.
    if (isBusy) return new Response('busy', { status: 503, headers: { 'retry-after': '2' } });
    isBusy = true;
    try {
      const messages = messagesOf(await request.json());
      model ??= load(new URL(MODEL), {
        fetch: (input, init) => env.ASSETS.fetch(input, init),
        maxSeqLen: 1024,
        cacheType: 'q8',
        maxMemory: 128e6,
      });
      const smol = await model.catch((error) => {
        model = undefined; // the next request tries again
        throw error;
      });
      return stream(smol, messages);
    } catch (error) {
      isBusy = false;
      return Response.json({ error: (error as Error).message }, { status: 400 });
    }
  },
};

/** The conversation of a request, checked as far as the library leaves it to the caller. */
function messagesOf(body: unknown): Message[] {
  const messages = (body as { messages?: Message[] } | null)?.messages;
  if (!Array.isArray(messages) || messages.length === 0)
    throw new TypeError('messages: expected at least one');
  for (const [i, message] of messages.entries()) {
    if (!ROLES.includes(message?.role)) {
      throw new RangeError(`messages[${i}].role: expected one of ${ROLES.join(', ')}`);
    }
    if (typeof message.content !== 'string') throw new TypeError(`messages[${i}].content: expected a text`);
  }
  return messages;
}

/**
 * Server-sent events, one per piece of text; the next token is computed when the last one was taken. The response begins
 * before the answer does, and says how far the prompt is (a comment): a worker learns only by writing that its reader is
 * gone, and ends the pass then. What is wrong with the prompt, such as its length, is an event therefore.
 */
function stream(smol: SmolLM2, messages: Message[]): Response {
  const hangUp = new AbortController();
  const encoder = new TextEncoder();
  let answer: ReturnType<SmolLM2['chat']>;
  let write: (text: string) => void;
  const events = new ReadableStream<Uint8Array>({
    start(controller) {
      write = (text) => controller.enqueue(encoder.encode(`${text}\n\n`));
      answer = smol.chat(messages, {
        maxTokens: 256,
        contextOverflow: 'stop',
        signal: hangUp.signal,
        onPromptProgress: (done, total) => write(`: ${done} of ${total} ids of the prompt`),
      });
    },
    async pull(controller) {
      const send = (event: string) => write(`data: ${event}`);
      try {
        const { value, done } = await answer.next();
        if (!done) return send(JSON.stringify({ text: value.text }));
        send('[DONE]');
      } catch (error) {
        if (hangUp.signal.aborted) return;
        send(JSON.stringify({ error: (error as Error).message }));
      }
      isBusy = false;
      controller.close();
    },
    async cancel() {
      hangUp.abort(); // a token or a part of the prompt that is being computed is the last
      await answer.return(undefined as never);
      isBusy = false;
    },
  });
  return new Response(events, { headers: { 'content-type': 'text/event-stream' } });
}
