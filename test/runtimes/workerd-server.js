// The example's server, with what its linear memory takes at GET /linear: an isolate's limit counts that too.

import server from '../../examples/cloudflare-worker/src/openai.ts';

const memories = [];
const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(descriptor) {
    super(descriptor);
    memories.push(this);
  }
};

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== '/linear') return server.fetch(request, env);
    return Response.json(memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  },
};
