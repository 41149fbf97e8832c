// Which model answers, and how the real one is brought: from this site, a file or an address; with progress, pause and
// going on where it stopped.

import { deleteWeights, listWeights } from 'smollm2';
import type { App } from './app.ts';
import type { ModelName, Reply } from './engine/protocol.ts';
import { FRANCE } from './state.ts';
import { byId, h } from './ui/dom.ts';
import { megabytes, pct } from './ui/format.ts';
import { t } from './ui/text.ts';

type Step = 'away' | 'download' | 'load' | 'paused' | 'ready' | 'failed';

export class Drawer {
  private readonly app: App;
  private readonly dialog = byId<HTMLDialogElement>('drawer');
  private step: Step = 'away';
  private done = 0;
  private total = 0;
  private began = 0;
  private isFromStorage = false;
  private said = '';
  private threads = 1;
  private address = new URL('model.gguf', new URL('./', location.href)).href;
  private source: string | File = this.address;

  constructor(app: App) {
    this.app = app;
    byId('model-chip').addEventListener('click', () => this.open());
  }

  /** The best model that is here. */
  get best(): 'nano' | '135m' {
    return this.step === 'ready' ? '135m' : 'nano';
  }

  /** Loads by itself what an earlier visit has stored whole. */
  async loadStored(): Promise<void> {
    const stored = await listWeights().catch(() => []);
    const whole = stored.find(({ isComplete }) => isComplete);
    if (whole) this.bring(whole.url, true);
    else if (this.app.state.model === '135m')
      this.app.set({ model: this.app.state.prompt === FRANCE ? 'stored' : 'nano' });
  }

  bring(source: string | File, isFromStorage = false): void {
    this.source = source;
    this.isFromStorage = isFromStorage;
    this.step = 'download';
    this.began = performance.now();
    this.said = '';
    this.app.client.send({ kind: 'bring', source });
    this.changed();
  }

  hear(reply: Reply): void {
    if (reply.kind === 'progress') {
      const isSamePhase = this.step === reply.phase;
      this.step = reply.phase;
      [this.done, this.total] = [reply.done, reply.total];
      if (isSamePhase && this.moveBar()) return;
    } else if (reply.kind === 'paused') {
      this.step = 'paused';
    } else if (reply.kind === 'ready') {
      this.step = 'ready';
      this.threads = reply.threads;
      this.app.notice(t('model.ready'));
      this.app.client.forget('tokens');
      // Asked for, or it stood behind what was computed in advance; a visitor who works with nano is not disturbed.
      if (!this.isFromStorage || this.app.state.model === 'stored') this.app.set({ model: '135m' });
    } else if (reply.kind === 'error') {
      this.step = 'failed';
      this.said = reply.message;
      this.app.notice(`▲ ${t('model.failed')} ${reply.message}`, true);
    }
    this.changed();
  }

  /** A button that is drawn anew between press and release is never clicked: on the way only words and bar change. */
  private moveBar(): boolean {
    const [status, bar] = [this.dialog.querySelector('#bring-status'), this.dialog.querySelector('progress')];
    if (!status || !bar) return false;
    this.drawChip();
    status.textContent = this.progressText();
    bar.value = this.total > 0 ? this.done / this.total : 0;
    return true;
  }

  private progressText(): string {
    const rate = this.done / Math.max((performance.now() - this.began) / 1000, 0.1);
    return t(this.step === 'load' ? 'model.loading' : 'model.downloading', {
      done: megabytes(this.done),
      total: megabytes(this.total),
      rate: megabytes(rate),
      left: rate > 0 ? Math.ceil((this.total - this.done) / rate) : 0,
    });
  }

  private changed(): void {
    this.drawChip();
    if (this.dialog.open && this.dialog.dataset.kind === 'model') this.drawDialog();
  }

  drawChip(): void {
    const { model } = this.app.state;
    const now = model === '135m' ? t('model.is135m', { threads: this.threads }) : t(`model.is.${model}`);
    const coming = this.step === 'download' && this.total > 0 ? ` · ↓ ${pct(this.done / this.total)}` : '';
    const chip = byId('model-chip');
    const text = `${now}${coming}`;
    if (chip.textContent !== text) chip.textContent = text;
  }

  open(): void {
    this.dialog.dataset.kind = 'model';
    this.drawDialog();
    if (!this.dialog.open) this.dialog.showModal();
  }

  private drawDialog(): void {
    const key = (document.activeElement as HTMLElement | null)?.dataset.focus;
    const choose = (model: ModelName) => () => {
      this.app.set(
        model === 'stored' ? { model, prompt: FRANCE, chat: false, answer: [], token: undefined } : { model },
      );
      this.drawDialog();
    };
    const option = (model: ModelName, isThere: boolean) =>
      h(
        'button',
        {
          type: 'button',
          class: 'model-option',
          'data-focus': `model-${model}`,
          'aria-pressed': this.app.state.model === model,
          disabled: !isThere,
          onclick: choose(model),
        },
        h('strong', {}, t(`model.name.${model}`)),
        h('span', {}, t(`model.about.${model}`)),
      );
    this.dialog.setAttribute('aria-labelledby', 'drawer-title');
    this.dialog.replaceChildren(
      h('h2', { id: 'drawer-title' }, t('model.title')),
      h(
        'div',
        { class: 'models' },
        option('stored', true),
        option('nano', true),
        option('135m', this.step === 'ready'),
      ),
      ...this.bringing(),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { type: 'button', 'data-focus': 'close', onclick: () => this.dialog.close() },
          t('word.close'),
        ),
      ),
    );
    if (key) this.dialog.querySelector<HTMLElement>(`[data-focus="${key}"]`)?.focus();
  }

  private bringing(): Node[] {
    const press = (key: string, text: string, act: () => void, kind = '') =>
      h('button', { type: 'button', 'data-focus': key, class: kind, onclick: act }, text);
    if (this.step === 'ready') return [h('p', {}, `✓ ${t('model.ready')}`), this.clearing()];
    if (this.step === 'download' || this.step === 'load') {
      return [
        h('p', { id: 'bring-status' }, this.progressText()),
        h('progress', {
          max: 1,
          value: this.total > 0 ? this.done / this.total : 0,
          'aria-label': t('model.progress'),
        }),
        ...(this.step === 'download'
          ? [press('pause', t('model.pause'), () => this.app.client.send({ kind: 'pause' }))]
          : []),
      ];
    }
    if (this.step === 'paused') {
      return [
        h('p', { id: 'bring-status' }, t('model.paused', { done: megabytes(this.done) })),
        press('resume', t('model.resume'), () => this.bring(this.source), 'primary'),
      ];
    }
    const field = h('input', {
      type: 'url',
      value: this.address,
      'aria-label': t('model.address'),
      'data-focus': 'address',
    });
    const file = h('input', { type: 'file', accept: '.gguf', 'data-focus': 'file' });
    file.addEventListener('change', () => file.files?.[0] && this.bring(file.files[0]));
    field.addEventListener('change', () => {
      this.address = field.value;
    });
    return [
      ...(this.step === 'failed' ? [h('p', { class: 'bad', id: 'bring-status' }, `▲ ${this.said}`)] : []),
      h('p', {}, t('model.offer')),
      press(
        'bring',
        t(this.step === 'failed' ? 'model.resume' : 'model.bring'),
        () => this.bring(new URL(this.address, location.href).href),
        'primary',
      ),
      h(
        'details',
        {},
        h('summary', {}, t('model.elsewhere')),
        h('label', { class: 'choice' }, t('model.address'), ' ', field),
        h('label', { class: 'choice' }, t('model.file'), ' ', file),
      ),
      this.clearing(),
    ];
  }

  /** Asks once more before the stored file goes. */
  private clearing(): HTMLElement {
    const button = h('button', { type: 'button', class: 'quiet', 'data-focus': 'clear' }, t('model.clear'));
    let isSure = false;
    button.addEventListener('click', async () => {
      const stored = await listWeights().catch(() => []);
      const size = stored.reduce((sum, one) => sum + one.size, 0);
      if (size === 0) {
        button.textContent = t('model.nothing');
      } else if (!isSure) {
        isSure = true;
        button.textContent = t('model.sure', { size: megabytes(size) });
      } else {
        await deleteWeights();
        button.textContent = t('model.cleared');
      }
    });
    return button;
  }
}
