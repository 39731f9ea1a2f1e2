/* Head of the panel: which run, how it is, how far, and what can be done. */
import { metricCatalogue } from '../../src/contract/generated';
import { stateLook } from '../../src/present/labels';
import type { ActionId, Header, Notice } from '../../src/protocol/runPanel';
import { formatMetric, metricLabel } from '../../src/present/numbers';
import type { Headline } from '../../src/protocol/results';
import { h, setAttribute, setChildren, setText } from '../parts/dom';
import { stateIcon } from '../parts/icons';
import { button, type Button } from '../parts/toolkit';

export class HeaderView {
  readonly element: HTMLElement;
  private readonly name = h('h1', {});
  private readonly chip = h('span', { class: 'chip' });
  private readonly actions = h('div', { class: 'actions', role: 'group', 'aria-label': 'Actions' });
  private readonly sentence = h('p', { class: 'sentence' });
  private readonly request = h('p', { class: 'request' });
  private readonly cause = h('div', { class: 'cause' });
  private readonly bar = h('div', { class: 'progress', role: 'progressbar', 'aria-label': 'Progress of the run', 'aria-valuemin': 0, 'aria-valuemax': 100 });
  private readonly barNotes = h('div', { class: 'progress-notes' });
  private readonly activity = h('div', { class: 'activity' });
  private readonly figures = h('dl', { class: 'figures' });
  private readonly figuresNote = h('p', { class: 'figures-note' });
  private readonly facts = h('dl', { class: 'facts' });
  private readonly notices = h('ul', { class: 'notices' });
  /** Rare things are spoken: a new state, the outcome of a request. */
  private readonly spoken = h('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
  private readonly buttons = new Map<ActionId, Button>();
  private state = '';
  private said = '';

  constructor(private readonly act: (action: ActionId) => void) {
    this.element = h('header', { class: 'head' },
      h('div', { class: 'head-row' }, h('div', { class: 'title' }, this.name, this.chip), this.actions),
      this.sentence, this.request, this.cause, this.bar, this.barNotes, this.activity,
      this.figures, this.figuresNote, this.facts, this.notices, this.spoken);
  }

  update(header: Header, headlines: readonly Headline[]): void {
    setText(this.name, header.name);
    this.name.title = header.id;
    const look = stateLook(header.state);
    if (this.state !== header.state) {
      this.state = header.state;
      setAttribute(this.element, 'data-state', header.state);
      this.chip.className = `chip ${look.color === undefined ? '' : look.color.replace('charts.', 'chip-')}`;
      setChildren(this.chip, [stateIcon(header.state), h('span', {}, look.label)]);
    }
    setText(this.sentence, header.text);
    this.updateProgress(header);
    this.updateRequest(header);
    setChildren(this.actions, header.actions.map((action) => {
      let known = this.buttons.get(action.id);
      if (!known) this.buttons.set(action.id, (known = button(action.label, () => this.act(action.id))));
      known.setReason(action.reason);
      setAttribute(known.element, 'data-action', action.id);
      return known.element;
    }));
    this.figures.hidden = headlines.length === 0;
    this.figuresNote.hidden = headlines.length === 0;
    setText(this.figuresNote, `on ${(headlines[0]?.rows ?? 0).toLocaleString('en')} validation rows`);
    this.updateList(this.figures, headlines, ({ metric, value, from }) => h('div', {}, h('dt', {}, metricLabel(metric) + (metricCatalogue[metric]?.unit === 'nats' ? ', nats' : '')),
      h('dd', {}, h('span', { class: 'figure-value' }, formatMetric(metric, value)),
        from === null ? null : h('span', { class: 'figure-change' }, `from ${formatMetric(metric, from.value)} at step ${from.step.toLocaleString('en')}`))));
    this.cause.hidden = header.cause === null;
    if (header.cause !== null && this.cause.textContent !== header.cause) setChildren(this.cause, [h('code', {}, header.cause)]);
    this.updateList(this.facts, header.facts, ({ label, value, detail }) => h('div', { title: detail === '' ? null : detail }, h('dt', {}, label), h('dd', {}, value)));
    this.notices.hidden = header.notices.length === 0;
    this.updateList(this.notices, header.notices, (notice) => this.notice(notice));
    this.speak(header, look.label);
  }

  private notice({ level, text, responses }: Notice): HTMLElement {
    const show = h('button', { class: 'link', type: 'button' }, 'Show responses');
    show.addEventListener('click', () => this.act('alerts'));
    return h('li', { class: `notice-${level}` }, h('span', { class: 'notice-level' }, level), h('span', {}, text), responses === true ? show : null);
  }

  private updateProgress(header: Header): void {
    const { step, total, phases } = header;
    const known = total > 0;
    this.bar.hidden = !known;
    if (known) {
      const plan = phases.length > 0 ? phases : [{ method: '', firstStep: 1, steps: total }];
      const key = plan.map(({ method, steps }) => `${method}:${steps}`).join();
      if (this.bar.dataset['plan'] !== key) {
        this.bar.dataset['plan'] = key;
        setChildren(this.bar, plan.map(({ method, steps }) => {
          const segment = h('div', { class: 'segment' }, h('div', { class: 'segment-track' }, h('div', { class: 'segment-fill' })), h('span', { class: 'segment-label' }, method));
          segment.style.flexGrow = String(Math.max(1, steps));
          return segment;
        }));
      }
      plan.forEach(({ firstStep, steps }, i) => {
        const share = Math.max(0, Math.min(1, (step - firstStep + 1) / Math.max(1, steps)));
        const fill = this.bar.children[i]?.querySelector<HTMLElement>('.segment-fill');
        if (fill) fill.style.width = `${(100 * share).toFixed(2)}%`;
      });
      setAttribute(this.bar, 'aria-valuenow', Math.round((100 * step) / total));
    }
    const { activity } = header;
    // Before the first step what goes on has a line of its own; later it comes and goes, and must not move what stands below.
    const between = activity !== null && step > 0;
    const notes = [
      known ? `step ${step.toLocaleString('en')} of ${total.toLocaleString('en')}` : null,
      header.timeLeft, header.elapsed,
      between ? `${activity.what}${activity.amount === '' ? '' : ` (${activity.amount})`}` : null,
    ].filter((note) => note !== null);
    setAttribute(this.bar, 'aria-valuetext', notes.join(', '));
    this.updateList(this.barNotes, notes, (note) => h('span', {}, note));
    this.activity.hidden = activity === null || between;
    if (activity !== null && !between) {
      const share = activity.share;
      if (this.activity.childElementCount === 0) {
        setChildren(this.activity, [h('span', { class: 'activity-what' }), h('progress', { max: 1, 'aria-label': 'Progress of what is done now' }), h('span', { class: 'activity-amount' })]);
      }
      const [what, progress, amount] = [...this.activity.children];
      if (what) setText(what, activity.what);
      if (amount) setText(amount, activity.amount);
      if (progress) {
        setAttribute(progress, 'value', share);
        (progress as HTMLElement).hidden = share === null;
      }
    }
  }

  private updateRequest({ request }: Header): void {
    this.request.hidden = request === null;
    if (request === null) return;
    this.request.className = `request request-${request.state}`;
    setText(this.request, request.text);
  }

  private updateList<T>(element: HTMLElement, items: readonly T[], make: (item: T) => HTMLElement): void {
    const key = JSON.stringify(items);
    if (element.dataset['key'] === key) return;
    element.dataset['key'] = key;
    setChildren(element, items.map(make));
  }

  private speak(header: Header, label: string): void {
    // The seconds of a countdown are not spoken one by one.
    const text = `${header.name} is ${label}. ${header.request === null ? '' : header.request.state === 'waiting' ? 'The request was sent.' : header.request.text}`;
    if (text === this.said) return;
    if (this.said !== '') setText(this.spoken, text);
    this.said = text;
  }
}
