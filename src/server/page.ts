// GET /: a page to try the server with. It chats, and shows how busy the server is. Everything is in this text, and its
// script may talk to the server that it came from only.

const SCRIPT = `
const { document: page } = globalThis;
const $ = (id) => page.getElementById(id);
const messages = [];
let stop;
const headers = () => ({
  'content-type': 'application/json',
  ...($('key').value && { authorization: 'Bearer ' + $('key').value }),
});
const show = (role, text) => {
  const line = page.createElement('p');
  line.className = role;
  line.textContent = text;
  $('talk').append(line);
  return line;
};
$('form').onsubmit = async (event) => {
  event.preventDefault();
  if (stop) return stop.abort();
  const content = $('say').value.trim();
  if (!content) return;
  $('say').value = '';
  messages.push({ role: 'user', content });
  show('user', content);
  const line = show('assistant', '');
  stop = new AbortController();
  $('send').textContent = 'Stop';
  try {
    const body = JSON.stringify({ messages, stream: true, max_tokens: 512 });
    const init = { method: 'POST', headers: headers(), body, signal: stop.signal };
    const response = await fetch('v1/chat/completions', init);
    if (!response.ok) throw new Error((await response.json()).error.message);
    let rest = '';
    for await (const piece of pieces(response.body.pipeThrough(new TextDecoderStream()).getReader())) {
      rest += piece;
      const events = rest.split('\\n\\n');
      rest = events.pop();
      for (const event of events) {
        if (!event.startsWith('data: {')) continue;
        const data = JSON.parse(event.slice(6));
        if (data.error) throw new Error(data.error.message);
        line.textContent += data.choices[0]?.delta.content ?? '';
      }
    }
  } catch (error) {
    if (error.name !== 'AbortError') show('error', error.message);
  }
  messages.push({ role: 'assistant', content: line.textContent });
  stop = undefined;
  $('send').textContent = 'Send';
};
async function* pieces(reader) {
  for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
}
let before;
async function look() {
  try {
    const text = await (await fetch('metrics', { headers: headers() })).text();
    const value = (name) => Number(new RegExp('^' + name + ' ([0-9.e+-]+)$', 'm').exec(text)?.[1] ?? NaN);
    const now = { at: performance.now(), tokens: value('smollm2_generation_tokens_total') };
    const rate = before && (now.tokens - before.tokens) / (now.at - before.at) * 1000;
    before = now;
    const asked = value('smollm2_prefix_cache_queries_total');
    const hits = asked ? Math.round(value('smollm2_prefix_cache_hits_total') / asked * 100) : 0;
    $('busy').textContent = value('smollm2_num_requests_running') + ' running, ' +
      value('smollm2_num_requests_waiting') +
      ' waiting, ' +
      (rate ?? 0).toFixed(1) + ' tokens/s of ended answers, ' + hits + ' % of prompt tokens from the cache';
  } catch {
    $('busy').textContent = 'the server does not answer';
  }
}
look();
setInterval(look, 2000);
`;

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
p { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }
.user { font-weight: 600; } .error { color: #b00020; }
form { display: flex; gap: .5rem; margin: 1rem 0; } #say { flex: 1; }
input, button { font: inherit; padding: .4rem .6rem; }
#busy { color: #555; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee; } #busy { color: #aaa; } }
`;

const HTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>SmolLM2</title><style>${STYLE}</style></head><body>
<h1>SmolLM2</h1><div id="talk" role="log" aria-label="Conversation"></div>
<form id="form"><input id="say" aria-label="Message" placeholder="Message" autocomplete="off" autofocus>
<button id="send">Send</button></form>
<p id="busy" aria-label="How busy the server is"></p>
<label>Key, if the server asks for one: <input id="key" type="password" autocomplete="off"></label>
<script>${SCRIPT}</script></body></html>`;

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}

export async function page(): Promise<Response> {
  const [script, style] = await Promise.all([hashOf(SCRIPT), hashOf(STYLE)]);
  const policy = `default-src 'none'; connect-src 'self'; script-src ${script}; style-src ${style}; base-uri 'none'`;
  return new Response(HTML, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `${policy}; frame-ancestors 'none'; form-action 'none'`,
      'referrer-policy': 'no-referrer',
    },
  });
}
