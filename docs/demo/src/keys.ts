// Keys of the whole page; none while a text is written, and they can be turned off.

import type { App } from './app.ts';
import { ROOMS } from './state.ts';
import { byId, h } from './ui/dom.ts';
import { t } from './ui/text.ts';

const LIST = ['rooms', 'layer', 'head', 'token', 'table', 'help'] as const;

export class Keys {
  private readonly app: App;
  private isOn = true;

  constructor(app: App) {
    this.app = app;
    addEventListener('keydown', (event) => this.press(event));
    addEventListener('keydown', () => document.documentElement.toggleAttribute('data-keyboard', true), true);
    addEventListener('pointerdown', () => document.documentElement.removeAttribute('data-keyboard'), true);
    byId('help').addEventListener('click', () => this.show());
    byId('theme').addEventListener('click', () => turnTheme());
    byId('skip').addEventListener('click', (event) => {
      event.preventDefault();
      byId('view').focus();
    });
    const kept = localStorage.getItem('theme');
    if (kept) document.documentElement.dataset.theme = kept;
  }

  private press(event: KeyboardEvent): void {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    if (!this.isOn || ctrlKey || metaKey || altKey) return;
    if (target instanceof HTMLElement && target.closest('input, textarea, select, dialog, [role=tab]'))
      return;
    const { state } = this.app;
    const number = Number(key);
    if (number >= 1 && number <= ROOMS.length) {
      if (ROOMS[number - 1] === 'tour') this.app.enterStop(state.stop);
      else this.app.set({ room: ROOMS[number - 1] });
    } else if (key === '[' || key === ']')
      this.app.set({ layer: Math.max(0, state.layer + (key === ']' ? 1 : -1)) });
    else if (key === ',' || key === '.')
      this.app.set({ head: Math.max(0, state.head + (key === '.' ? 1 : -1)) });
    else if (key === 'ArrowLeft' || key === 'ArrowRight') this.turnToken(key === 'ArrowRight' ? 1 : -1);
    else if (key === 't')
      for (const twin of document.querySelectorAll<HTMLDetailsElement>('.twin')) twin.open = !twin.open;
    else if (key === '?') this.show();
    else return;
    event.preventDefault();
  }

  private turnToken(by: number): void {
    const { token } = this.app.state;
    this.app.set({ token: Math.max(0, (token ?? (by > 0 ? -1 : 1)) + by) });
  }

  private show(): void {
    const dialog = byId<HTMLDialogElement>('drawer');
    const off = h('input', { type: 'checkbox', checked: this.isOn });
    off.addEventListener('change', () => {
      this.isOn = off.checked;
    });
    dialog.replaceChildren(
      h('h2', { id: 'drawer-title' }, t('keys.title')),
      h(
        'dl',
        { class: 'numbers' },
        ...LIST.map((name) =>
          h(
            'div',
            {},
            h('dt', {}, t(`keys.${name}`)),
            h('dd', {}, h('kbd', { 'data-model': true }, KEYS[name])),
          ),
        ),
      ),
      h('label', { class: 'check' }, off, t('keys.on')),
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', onclick: () => dialog.close() }, t('word.close')),
      ),
    );
    dialog.setAttribute('aria-labelledby', 'drawer-title');
    dialog.showModal();
  }
}

const KEYS = { rooms: '1 2 3', layer: '[ ]', head: ', .', token: '← →', table: 't', help: '?' } as const;

function turnTheme(): void {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme
    ? dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  dataset.theme = isDark ? 'light' : 'dark';
  localStorage.setItem('theme', dataset.theme);
}
