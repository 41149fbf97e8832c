// SmolLM2 inside a Cloudflare Worker: POST /chat streams the answer, everything else is a static file.

import { load, type SmolLM2 } from 'smollm2';

interface Env {
  ASSETS: { fetch: typeof fetch };
}

const MODEL = 'https://assets.local/model/SmolLM2-135M-Instruct.Q4_1.gguf.json';

type Answer = ReturnType<SmolLM2['chat']>;

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
      const { messages } = await request.json<{ messages: { role: string; content: string }[] }>();
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
      const answer = smol.chat(messages, { maxTokens: 256, contextOverflow: 'stop' });
      return stream(answer, await answer.next()); // what is wrong with the request shows before the headers
    } catch (error) {
      isBusy = false;
      return Response.json({ error: (error as Error).message }, { status: 400 });
    }
  },
};

/** Server-sent events, one per piece of text; the next token is computed when the last one was taken. */
function stream(answer: Answer, first: Awaited<ReturnType<Answer['next']>>): Response {
  let next: typeof first | undefined = first;
  const encoder = new TextEncoder();
  const end = () => {
    isBusy = false;
  };
  const events = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = next ?? (await answer.next());
        next = undefined;
        const event = done ? '[DONE]' : JSON.stringify({ text: value.text });
        controller.enqueue(encoder.encode(`data: ${event}\n\n`));
        if (!done) return;
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      end();
    },
    async cancel() {
      await answer.return(undefined as never);
      end();
    },
  });
  return new Response(events, { headers: { 'content-type': 'text/event-stream' } });
}
