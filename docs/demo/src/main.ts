// The explorer's page: the conversation on one side, pictures of what the model did on the other. The model itself is
// in worker.ts; this file only keeps what is shown.

import { deleteWeights } from 'smollm2';
import { drawAttention } from './attention-view.ts';
import { cacheChart, lensChart, normsChart } from './charts.ts';
import { byId, make } from './elements.ts';
import type { Alternative, Answer, Head, Request, ShownToken } from './protocol.ts';
import { drawTokens } from './tokens-view.ts';

const VIEWS = ['tokens', 'attention', 'lens', 'stream', 'cache'] as const;
type View = (typeof VIEWS)[number];

const state = {
  messages: [] as { role: string; content: string }[],
  promptIds: [] as readonly number[],
  promptTexts: [] as readonly string[],
  tokens: [] as ShownToken[],
  growth: [] as { position: number; bytes: number }[],
  memoryBytes: 0,
  chosen: undefined as number | undefined,
  switchedOff: [] as Head[],
  layer: 0,
  numLayers: 0,
  view: 'tokens' as View,
  isBusy: false,
};

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const send = (request: Request) => worker.postMessage(request);
const view = byId('view');
const conversation = byId('conversation');
const askForm = byId<HTMLFormElement>('ask');
const askButton = askForm.querySelector('button[type=submit]') as HTMLButtonElement;

worker.onmessage = ({ data: answer }: MessageEvent<Answer>) => receive(answer);
worker.onerror = (event) => say(`The worker stopped: ${event.message}. Reload the page.`, true);

function say(text: string, isBad = false): void {
  byId('status').textContent = text;
  byId('status').classList.toggle('bad', isBad);
}

function receive(answer: Answer): void {
  switch (answer.kind) {
    case 'progress':
      byId<HTMLProgressElement>('progress').hidden = false;
      byId<HTMLProgressElement>('progress').value = answer.share;
      say(answer.phase === 'downloading' ? 'Downloading the model …' : 'Loading the model …');
      return;
    case 'loaded':
      byId('progress').hidden = true;
      state.numLayers = answer.config.numLayers;
      say(
        `Ready in ${(answer.loadMs / 1000).toFixed(1)} s: ${answer.config.numLayers} layers, ` +
          `${answer.threads} thread${answer.threads === 1 ? '' : 's'} (${answer.why}).`,
      );
      setBusy(false);
      return;
    case 'prompt':
      state.promptIds = answer.ids;
      state.promptTexts = answer.texts;
      return;
    case 'token':
      showToken(answer);
      return;
    case 'done':
      finish(answer);
      return;
    case 'attention':
      showAttention(answer);
      return;
    case 'lens':
      view.replaceChildren(lensChart(answer.cells, allTexts()[answer.position] ?? ''));
      return;
    case 'norms':
      view.replaceChildren(normsChart(answer.norms));
      return;
    case 'error':
      byId('progress').hidden = true;
      say(`${answer.name}: ${answer.message}`, true);
      setBusy(false);
      return;
  }
}

function showToken({ token, cacheBytes, memoryBytes }: Extract<Answer, { kind: 'token' }>): void {
  state.tokens.push(token);
  state.growth.push({ position: state.promptIds.length + state.tokens.length, bytes: cacheBytes });
  state.memoryBytes = memoryBytes;
  const last = conversation.lastElementChild;
  last?.append(token.text);
  conversation.scrollTop = conversation.scrollHeight;
  if (state.view === 'tokens') draw();
}

function finish({ reason, tokensPerSecond, promptMs }: Extract<Answer, { kind: 'done' }>): void {
  setBusy(false);
  const content = conversation.lastElementChild?.textContent ?? '';
  state.messages.push({ role: 'assistant', content });
  const numbers = {
    ended: reason,
    'tokens per second': tokensPerSecond.toFixed(1),
    'prompt took': `${promptMs.toFixed(0)} ms`,
    'keys and values': `${((state.growth.at(-1)?.bytes ?? 0) / 1e6).toFixed(1)} MB`,
    memory: `${(state.memoryBytes / 1e6).toFixed(0)} MB`,
  };
  const items = Object.entries(numbers).map(([name, value]) =>
    make('div', {}, make('dt', {}, name), make('dd', {}, value)),
  );
  byId('numbers').replaceChildren(...items);
  draw();
}

function setBusy(isBusy: boolean): void {
  state.isBusy = isBusy;
  askButton.disabled = isBusy || state.numLayers === 0;
  byId<HTMLButtonElement>('stop').disabled = !isBusy;
  byId<HTMLButtonElement>('again').disabled = isBusy || state.messages.length === 0;
}

/** Sends the conversation; the answer begins with `begin`, whose text is shown at once. */
function ask(begin: readonly ShownToken[] = []): void {
  const controls = askForm.elements as unknown as Record<string, HTMLInputElement>;
  state.tokens = [...begin];
  state.growth = [];
  state.chosen = undefined;
  const shown = make('div', { className: 'message assistant' }, begin.map(({ text }) => text).join(''));
  conversation.append(shown);
  setBusy(true);
  send({
    kind: 'ask',
    messages: state.messages,
    begin: begin.map(({ id }) => id),
    options: {
      temperature: Number(controls.temperature.value),
      topP: Number(controls.topP.value),
      maxTokens: Number(controls.maxTokens.value),
      seed: 0,
      switchedOff: state.switchedOff,
    },
  });
}

/** Takes the last answer back. */
function takeBack(): void {
  if (state.messages.at(-1)?.role !== 'assistant') return;
  state.messages.pop();
  conversation.lastElementChild?.remove();
}

function branch(index: number, { id, text, probability }: Alternative): void {
  if (state.isBusy) return;
  const { alternatives } = state.tokens[index];
  const begin = [...state.tokens.slice(0, index), { id, text, probability, alternatives, ms: 0 }];
  takeBack();
  ask(begin);
}

/** Ids that the pictures are drawn from: the prompt and the answer so far. */
function allIds(): number[] {
  return [...state.promptIds, ...state.tokens.map(({ id }) => id)];
}

function allTexts(): string[] {
  const answered = state.tokens.map(
    ({ id, text, alternatives }) => alternatives.find((a) => a.id === id)?.text ?? text,
  );
  return [...state.promptTexts, ...answered];
}

/** Asks the worker for what the chosen view shows, or draws it from what is here. */
function draw(): void {
  const ids = allIds();
  if (state.view === 'tokens') {
    drawTokens(view, {
      promptTexts: state.promptTexts,
      tokens: state.tokens,
      chosen: state.chosen,
      choose: (index) => {
        state.chosen = index;
        draw();
      },
      branch,
    });
    return;
  }
  if (state.view === 'cache' && state.growth.length > 0) {
    view.replaceChildren(cacheChart(state.growth, state.memoryBytes));
    return;
  }
  if (ids.length === 0 || state.isBusy) {
    const hint = ids.length === 0 ? 'Ask something first.' : 'Wait for the end of the answer, or stop it.';
    view.replaceChildren(make('p', { className: 'hint' }, hint));
    return;
  }
  view.replaceChildren(make('p', { className: 'hint' }, 'Computing …'));
  if (state.view === 'attention') send({ kind: 'attention', ids, layer: state.layer });
  if (state.view === 'stream') send({ kind: 'norms', ids });
  if (state.view === 'lens') {
    const at = state.chosen ?? state.tokens.length - 1;
    // What stands before the chosen token is what predicts it.
    send({ kind: 'lens', ids, position: Math.max(0, state.promptIds.length + at - 1) });
  }
}

function showAttention({ layer, maps, size }: Extract<Answer, { kind: 'attention' }>): void {
  const redraw = () => showAttention({ kind: 'attention', layer, maps, size });
  drawAttention(view, {
    layer,
    numLayers: state.numLayers,
    maps,
    size,
    texts: allTexts(),
    switchedOff: state.switchedOff,
    chooseLayer: (chosen) => {
      state.layer = chosen;
      draw();
    },
    toggle: (head) => {
      const isSame = (other: Head) => other.layer === head.layer && other.head === head.head;
      const isOff = state.switchedOff.some(isSame);
      state.switchedOff = isOff
        ? state.switchedOff.filter((other) => !isSame(other))
        : [...state.switchedOff, head];
      redraw();
    },
  });
}

byId('loader').addEventListener('submit', (event) => {
  event.preventDefault();
  const fields = new FormData(byId<HTMLFormElement>('loader'));
  const file = fields.get('file');
  const source =
    file instanceof File && file.size > 0 ? file : new URL(String(fields.get('url')), location.href).href;
  setBusy(true);
  byId<HTMLButtonElement>('stop').disabled = true;
  say('Opening the model …');
  send({ kind: 'load', source });
});

byId('forget').addEventListener('click', async () => {
  await deleteWeights();
  say('Stored models are gone; the one that is loaded stays until you leave.');
});

askForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const question = String(new FormData(askForm).get('question')).trim();
  if (question === '' || state.isBusy) return;
  state.messages.push({ role: 'user', content: question });
  conversation.append(make('div', { className: 'message user' }, question));
  ask();
});
askForm.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && event.target instanceof HTMLTextAreaElement) {
    event.preventDefault();
    askForm.requestSubmit();
  }
});
askForm.addEventListener('input', ({ target }) => {
  if (target instanceof HTMLInputElement) byId(`${target.name}-value`).textContent = target.value;
});
byId('stop').addEventListener('click', () => send({ kind: 'stop' }));
byId('again').addEventListener('click', () => {
  takeBack();
  ask();
});
byId('reset').addEventListener('click', () => {
  if (state.isBusy) send({ kind: 'stop' });
  Object.assign(state, {
    messages: [],
    tokens: [],
    promptIds: [],
    promptTexts: [],
    growth: [],
    chosen: undefined,
  });
  conversation.replaceChildren();
  byId('numbers').replaceChildren();
  setBusy(state.isBusy);
  draw();
});

const tabs = VIEWS.map((name) => byId<HTMLButtonElement>(`tab-${name}`));
function chooseView(index: number): void {
  state.view = VIEWS[index];
  for (const [other, tab] of tabs.entries()) {
    tab.setAttribute('aria-selected', String(other === index));
    tab.tabIndex = other === index ? 0 : -1;
  }
  view.setAttribute('aria-labelledby', tabs[index].id);
  draw();
}
for (const [index, tab] of tabs.entries()) {
  tab.addEventListener('click', () => chooseView(index));
  tab.addEventListener('keydown', ({ key }) => {
    const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? tabs.length - 1 : 0;
    if (step === 0) return;
    const next = (index + step) % tabs.length;
    tabs[next].focus();
    chooseView(next);
  });
}
chooseView(0);
