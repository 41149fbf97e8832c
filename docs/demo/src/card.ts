// Beside the view: in the tour a few sentences and the deed, in the laboratory what is seen and what to try.

import type { App } from './app.ts';
import { STOPS } from './tour.ts';
import { byId, h } from './ui/dom.ts';
import { type TextKey, t } from './ui/text.ts';

export class Card {
  private readonly app: App;
  private drawn = '';

  constructor(app: App) {
    this.app = app;
  }

  draw(): void {
    const { state } = this.app;
    const isTour = state.room === 'tour';
    const isDone = isTour && this.app.isDeedDone;
    const now = isTour ? `${state.stop} ${isDone}` : `${state.room} ${state.view}`;
    if (now === this.drawn) return;
    this.drawn = now;
    const card = byId('card');
    const hadFocus = card.contains(document.activeElement);
    card.replaceChildren(...(isTour ? this.stop(isDone) : this.lab()));
    if (hadFocus) card.querySelector<HTMLElement>('button')?.focus();
  }

  private stop(isDone: boolean): Node[] {
    const { stop } = this.app.state;
    const { name, chapter } = STOPS[stop];
    const isLast = stop === STOPS.length - 1;
    const on = isLast
      ? h(
          'button',
          {
            type: 'button',
            class: isDone ? 'primary' : '',
            onclick: () => this.app.set({ room: 'lab', view: 'tokens' }),
          },
          t('tour.toLab'),
        )
      : h(
          'button',
          {
            type: 'button',
            id: 'tour-next',
            class: isDone ? 'primary' : '',
            onclick: () => this.app.enterStop(stop + 1),
          },
          t(isDone ? 'tour.next' : 'tour.skip'),
        );
    return [
      h('p', { class: 'muted' }, t('tour.count', { stop: stop + 1, all: STOPS.length })),
      h('h2', {}, t(`stop.${name}` as TextKey)),
      h('p', {}, t(`stop.${name}.text` as TextKey)),
      h(
        'p',
        { class: isDone ? 'deed done' : 'deed', role: 'status' },
        h('strong', {}, isDone ? `✓ ${t('tour.done')} ` : `${t('tour.deed')} `),
        t(`stop.${name}.${isDone ? 'after' : 'deed'}` as TextKey),
      ),
      h(
        'div',
        { class: 'row' },
        stop > 0 &&
          h('button', { type: 'button', onclick: () => this.app.enterStop(stop - 1) }, t('tour.back')),
        on,
      ),
      h('p', {}, h('a', { href: `./learn/${chapter}.html` }, t('card.more'))),
    ];
  }

  private lab(): Node[] {
    const { room } = this.app.state;
    const view = room === 'train' ? 'train' : this.app.state.view;
    return [
      h('h2', {}, t('card.see')),
      h('p', {}, t(`card.${view}` as TextKey)),
      h('h2', {}, t('card.try')),
      h('p', {}, t(`try.${view}` as TextKey)),
      h('p', {}, h('a', { href: t(`page.of.${view}` as TextKey) }, t('card.more'))),
    ];
  }
}
