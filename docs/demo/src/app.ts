// What is shown follows from the state: header, prompt, banner, the view and its card are drawn when it changes.

import { Card } from './card.ts';
import { Client } from './client.ts';
import { Drawer } from './drawer.ts';
import type { PictureName, PictureParams, Reply } from './engine/protocol.ts';
import { Keys } from './keys.ts';
import { Places } from './places.ts';
import { PromptBar } from './prompt-bar.ts';
import { fromHash, type State, subjectOf, toHash } from './state.ts';
import { STOPS } from './tour.ts';
import { byId, h } from './ui/dom.ts';
import { type TextKey, t } from './ui/text.ts';
import { LOADERS } from './views/all.ts';
import type { Context, View } from './views/view.ts';

export class App {
  state: State = fromHash(location.hash);
  /** Resolves when the nano model is here, or cannot be had. */
  readonly warm: Promise<void>;
  private warmed: () => void = () => undefined;
  readonly client: Client;
  readonly prompt: PromptBar;
  readonly drawer: Drawer;
  readonly card: Card;
  readonly places: Places;
  private readonly views = new Map<string, View>();
  private readonly pane = byId('view');
  private shown = '';
  private isDrawing = false;
  private startsAt: State = this.state;
  private readonly deeds = new Set<string>();

  constructor() {
    this.warm = new Promise((resolve) => {
      this.warmed = resolve;
    });
    this.client = new Client({ changed: () => this.draw(), said: (reply) => this.hear(reply) });
    this.prompt = new PromptBar(this);
    this.drawer = new Drawer(this);
    this.card = new Card(this);
    this.places = new Places(this);
    new Keys(this);
    addEventListener('hashchange', () => {
      if (toHash(this.state) !== location.hash) this.replace(fromHash(location.hash));
    });
    let width = 0;
    new ResizeObserver(() => {
      if (width !== this.pane.clientWidth) this.draw();
      width = this.pane.clientWidth;
    }).observe(this.pane);
  }

  async start(): Promise<void> {
    this.client.nextGeneration();
    this.client.send({ kind: 'warm' });
    if (this.state.room === 'tour') this.enterStop(this.state.stop, false);
    this.draw();
    const response = await fetch(new URL('./text/first-view.json', import.meta.url));
    this.client.keep(await response.json());
    this.draw();
    // The 135M of an earlier visit lies in this browser's storage.
    void this.drawer.loadStored();
  }

  /** The view that is shown: of the stop, or the chosen one. */
  get viewName(): keyof typeof LOADERS {
    const { room, stop, view } = this.state;
    if (room === 'train') return 'train';
    return room === 'tour' ? STOPS[stop].view : view;
  }

  set(change: Partial<State>): void {
    this.replace({ ...this.state, ...change });
  }

  private replace(next: State): void {
    const before = this.state;
    this.state = next;
    if (JSON.stringify(subjectOf(before)) !== JSON.stringify(subjectOf(next))) {
      this.prompt.cut();
      this.client.nextGeneration();
      this.notice('');
    }
    const hash = toHash(next);
    if (hash !== location.hash) {
      const isPlace = before.room !== next.room || before.view !== next.view || before.stop !== next.stop;
      history[isPlace ? 'pushState' : 'replaceState'](null, '', hash);
    }
    this.draw();
  }

  /** Goes to a stop of the tour; `isNew` sets what the stop begins with. */
  enterStop(stop: number, isNew = true): void {
    this.deeds.clear();
    if (isNew) this.set({ room: 'tour', stop, ...STOPS[stop].enter });
    else if (location.hash.length < 10) this.state = { ...this.state, ...STOPS[stop].enter };
    this.startsAt = this.state;
    this.draw();
  }

  get isDeedDone(): boolean {
    return STOPS[this.state.stop].isDone(this.startsAt, this.state, this.deeds);
  }

  notice(text: string, isBad = false): void {
    const place = byId('notice');
    place.textContent = text;
    place.classList.toggle('bad', isBad);
  }

  private hear(reply: Exclude<Reply, { kind: 'picture' }>): void {
    if (reply.kind === 'warm') {
      this.warmed();
      return;
    }
    if (reply.kind === 'token' || reply.kind === 'done' || (reply.kind === 'error' && reply.about === 'go')) {
      this.prompt.hear(reply);
      return;
    }
    this.drawer.hear(reply);
  }

  /** Draws once in a frame, however often it is asked for, behind it: a press is seen before what it brings. */
  draw(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        this.isDrawing = false;
        void this.drawNow();
      }),
    );
  }

  private async drawNow(): Promise<void> {
    this.places.draw();
    this.prompt.draw();
    this.drawer.drawChip();
    this.card.draw();
    this.drawBanner();
    document.body.classList.remove('undrawn');
    const name = this.viewName;
    let view = this.views.get(name);
    if (!view) {
      view = await LOADERS[name]();
      this.views.set(name, view);
    }
    if (name === this.viewName) this.drawView(name, view);
  }

  private drawView(name: string, view: View): void {
    const { state } = this;
    const place = `${state.room}/${name}`;
    let isWaiting = false;
    let trouble = '';
    let isStoredOnly = false;
    const isBoth = state.compare && state.edits.length > 0 && !view.isOwnCompare;
    const style = getComputedStyle(this.pane);
    const room =
      this.pane.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
    const isBeside = isBoth && room >= 760;
    const find = (edits: readonly string[], picture: PictureName, params: PictureParams = {}) => {
      const found = this.client.find(picture, { ...subjectOf(state), edits }, params, state.seed);
      if (found && 'picture' in found) return found.picture;
      if (found && 'error' in found) trouble = found.error;
      else if (found) isStoredOnly = true;
      else isWaiting = true;
      return undefined;
    };
    const contextOf = (side: Context['side']): Context => ({
      state,
      side,
      width: Math.max(240, Math.floor(isBeside ? (room - 24) / 2 : room)),
      set: (change) => this.set(change),
      get: ((picture: PictureName, params?: PictureParams) =>
        find(side === 'before' ? [] : state.edits, picture, params)) as Context['get'],
      whole: ((picture: PictureName, params?: PictureParams) =>
        find([], picture, params)) as Context['whole'],
      did: (deed) => {
        this.deeds.add(deed);
        this.card.draw();
      },
      again: (picture) => this.client.forget(picture),
      redraw: () => this.draw(),
    });
    const controls = view.controls?.(contextOf('')) ?? [];
    const pictures = isBoth
      ? (['before', 'after'] as const).map((side) =>
          h('section', { class: 'side' }, h('h3', {}, t(`word.${side}`)), ...view.picture(contextOf(side))),
        )
      : view.picture(contextOf(''));
    // The old picture stays until the new one is here; a new place does not show the old one's.
    const isSame = this.shown === place;
    const isEmpty = isWaiting || trouble !== '' || isStoredOnly;
    this.pane.setAttribute('aria-busy', String(isWaiting));
    this.pane.dataset.view = name;
    if (isWaiting && isSame && this.pane.childElementCount > 1) return;
    const heading = h('h2', { id: 'view-name' }, t(`view.${name}` as TextKey));
    const body = isEmpty
      ? this.emptyBody(isWaiting, trouble)
      : h('div', { class: isBeside ? 'both' : 'one' }, ...pictures);
    this.put([
      heading,
      controls.length > 0 && !isStoredOnly ? h('div', { class: 'controls' }, ...controls) : '',
      body,
    ]);
    this.shown = isEmpty ? '' : place;
  }

  /** What stands where a picture cannot be drawn yet: never nothing. */
  private emptyBody(isWaiting: boolean, trouble: string): HTMLElement {
    if (trouble) return h('p', { class: 'note bad', role: 'alert' }, `▲ ${trouble}`);
    if (isWaiting) return h('p', { class: 'note' }, t('page.computing'));
    return h(
      'div',
      { class: 'note' },
      h('p', {}, t('page.storedOnly')),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { type: 'button', 'data-focus': 'use-nano', onclick: () => this.set({ model: this.drawer.best }) },
          t(`page.with.${this.drawer.best}`),
        ),
        h(
          'button',
          { type: 'button', 'data-focus': 'bring', onclick: () => this.drawer.open() },
          t('page.bring'),
        ),
        h(
          'button',
          {
            type: 'button',
            'data-focus': 'back-to-first',
            onclick: () => this.set({ answer: [], edits: [], chat: false, token: undefined, layer: 23 }),
          },
          t('page.back'),
        ),
      ),
    );
  }

  /** New content; the focus stays on the control that had it. */
  private put(children: (Node | string)[]): void {
    const key =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.focus : undefined;
    const hadFocus = this.pane.contains(document.activeElement);
    const folded = new Set(
      [...this.pane.querySelectorAll<HTMLDetailsElement>('details.run[open]')].map((one) => one.className),
    );
    this.pane.replaceChildren(...children);
    for (const one of this.pane.querySelectorAll<HTMLDetailsElement>('details.run'))
      one.open = folded.has(one.className);
    if (!hadFocus) return;
    const again = key && this.pane.querySelector<HTMLElement>(`[data-focus="${CSS.escape(key)}"]`);
    (again || this.pane).focus({ preventScroll: true });
  }

  private drawBanner(): void {
    const { edits, compare } = this.state;
    const banner = byId('banner');
    banner.hidden = edits.length === 0;
    if (banner.dataset.edits === `${edits.join()}${compare}`) return;
    banner.dataset.edits = `${edits.join()}${compare}`;
    const both = h(
      'button',
      { type: 'button', 'aria-pressed': compare, onclick: () => this.set({ compare: !compare }) },
      t('banner.compare'),
    );
    banner.replaceChildren(
      h('span', { class: 'warn' }, `! ${t('banner.edited')} `),
      ...edits.slice(0, 12).map((edit) =>
        h(
          'button',
          {
            type: 'button',
            class: 'chip',
            'data-edit': edit,
            'aria-label': t('banner.undoOne', { edit: editText(edit) }),
            onclick: () => this.set({ edits: edits.filter((one) => one !== edit) }),
          },
          h('span', { 'data-model': true }, editText(edit)),
          ' ×',
        ),
      ),
      edits.length > 12 ? h('span', { 'data-model': true }, `+${edits.length - 12}`) : '',
      h(
        'button',
        { type: 'button', id: 'undo-all', onclick: () => this.set({ edits: [] }) },
        t('banner.undo'),
      ),
      both,
    );
  }
}

/** As it is read: texts of an edit are written out. */
function editText(edit: string): string {
  return decodeURIComponent(edit).replace(/^(put|add):/, '$1 ');
}
