// The prompt and what is done with it: next token, go on, stop, start anew. What is answered is shown token by token;
// pictures are drawn when the answer rests.

import type { App } from './app.ts';
import type { Chance, Reply, TokenPicture } from './engine/protocol.ts';
import { FRANCE, subjectOf } from './state.ts';
import { byId, h, prose } from './ui/dom.ts';
import { num } from './ui/format.ts';
import { t } from './ui/text.ts';

/** Longest answer of one press. */
const ANSWER_TOKENS = 48;

export class PromptBar {
  private readonly app: App;
  private readonly text = byId<HTMLTextAreaElement>('prompt-text');
  private readonly said = byId('said');
  private readonly chat = byId<HTMLInputElement>('chat');
  /** Tokens of the answer that is being given. */
  private coming: Chance[] = [];
  private isAnswering = false;
  private after = '';

  constructor(app: App) {
    this.app = app;
    byId('next').addEventListener('click', () => this.go(1));
    byId('go').addEventListener('click', () => this.go(ANSWER_TOKENS));
    byId('stop').addEventListener('click', () => app.client.send({ kind: 'stop' }));
    byId('restart').addEventListener('click', () => app.set({ answer: [], token: undefined }));
    byId('prompt').addEventListener('submit', (event) => event.preventDefault());
    this.chat.addEventListener('change', () =>
      app.set({ chat: this.chat.checked, answer: [], token: undefined, ...this.leaveStored() }),
    );
    this.text.addEventListener('input', () => {
      this.fit();
      const prompt = this.text.value;
      const isFirst = prompt === FRANCE && app.drawer.best !== '135m' && !app.state.chat;
      app.set({
        prompt,
        answer: [],
        token: undefined,
        ...(isFirst ? { model: 'stored' as const } : this.leaveStored()),
      });
    });
    this.text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.go(1);
    });
  }

  /** What was computed in advance knows one sentence. */
  private leaveStored(): { model?: 'nano' | '135m' } {
    return this.app.state.model === 'stored' ? { model: this.app.drawer.best } : {};
  }

  /** One token of what is known in advance, or as many as asked for by the model. */
  go(count: number): void {
    const { app } = this;
    if (this.isAnswering) return;
    const { state, client } = app;
    if (state.model === 'stored') {
      const found = client.find('tokens', subjectOf(state), {}, state.seed);
      const best =
        found && 'picture' in found ? found.picture.next[found.picture.next.length - 1][0] : undefined;
      if (best && count === 1) {
        app.set({ answer: [...state.answer, best.id], token: undefined });
        return;
      }
      // Beyond what is known, and for longer answers, a model is needed.
      app.set({ model: app.drawer.best, answer: best ? [] : state.answer });
      this.go(count);
      return;
    }
    this.coming = [];
    this.after = '';
    this.isAnswering = true;
    const seed = state.newSeed
      ? crypto.getRandomValues(new Uint32Array(1))[0]
      : state.seed + state.answer.length;
    // One token is the likeliest one; an answer is drawn as the sliders say.
    const sampling = count === 1 ? { ...state.sampling, temperature: 0 } : state.sampling;
    client.send({
      kind: 'go',
      view: 'go',
      generation: client.generation,
      seed,
      subject: subjectOf(state),
      sampling,
      count,
    });
    this.draw();
  }

  /** The subject changed: what was coming is for another one. */
  cut(): void {
    if (!this.isAnswering) return;
    this.isAnswering = false;
    this.coming = [];
    this.app.client.send({ kind: 'stop' });
  }

  hear(reply: Extract<Reply, { kind: 'token' | 'done' | 'error' }>): void {
    if (reply.kind === 'token') {
      this.coming.push(reply.chance);
      this.draw();
      return;
    }
    const ids = this.coming.map(({ id }) => id);
    this.isAnswering = false;
    this.coming = [];
    if (ids.length > 0) {
      const { answer } = this.app.state;
      this.app.set({ answer: [...answer, ...ids].slice(0, 256), token: undefined });
    }
    if (reply.kind === 'error') this.app.notice(`▲ ${reply.message}`, true);
    else if (reply.reason !== 'length' || ids.length > 1) {
      const why =
        reply.reason === 'abort'
          ? t('answer.stopped')
          : reply.reason === 'stop'
            ? t('answer.end')
            : t('answer.limit');
      this.after = `${why} · ${t('answer.speed', { speed: num(reply.perSecond) })}`;
    }
    this.draw();
  }

  draw(): void {
    const { state, client } = this.app;
    if (this.text.value !== state.prompt) {
      this.text.value = state.prompt;
      this.fit();
    }
    this.chat.checked = state.chat;
    byId<HTMLButtonElement>('stop').disabled = !this.isAnswering;
    byId<HTMLButtonElement>('go').disabled = this.isAnswering;
    byId<HTMLButtonElement>('next').disabled = this.isAnswering;
    byId<HTMLButtonElement>('restart').disabled = state.answer.length === 0;
    const found = client.find('tokens', subjectOf(state), {}, state.seed);
    const picture: TokenPicture | undefined = found && 'picture' in found ? found.picture : undefined;
    if (!picture && state.answer.length > 0 && this.coming.length === 0) return;
    const answered = picture ? picture.texts.slice(picture.texts.length - state.answer.length) : [];
    const texts = [...(state.answer.length > 0 ? answered : []), ...this.coming.map(({ text }) => text)];
    this.said.hidden = texts.length === 0 && !this.isAnswering && this.after === '';
    this.said.replaceChildren(
      h('span', { class: 'muted' }, this.isAnswering ? t('answer.coming') : t('answer.said')),
      ' ',
      prose(texts.join('')),
      this.after ? h('span', { class: 'chip-note' }, this.after) : '',
    );
  }

  private fit(): void {
    this.text.style.height = 'auto';
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 160)}px`;
  }
}
