/* What the student writes: the inspection prompts at one checkpoint, set against another. All of it is text nodes. */
import { checkpointLabel } from '../../src/present/labels';
import { DEFAULT_SETTINGS, type Inventory, type PromptLook, type SamplesMessage, type ViewSettings } from '../../src/protocol/runPanel';
import { type ListOrder, listOrders } from '../../src/samples/list';
import { h, setText } from '../parts/dom';
import { button, dropdown } from '../parts/toolkit';
import { SampleFilters } from './sampleFilters';
import { SampleList } from './sampleList';

export interface SamplesEvents {
  settings(change: Partial<ViewSettings>): void;
  request(checkpoint: string, against: string | null): void;
  compare(older: string, newer: string): void;
  look(look: PromptLook, promptId: string, checkpoint: string, against: string | null): void;
}

const orderNames: Readonly<Record<ListOrder, string>> = {
  prompt: 'as in the file', change: 'most regressed first', gain: 'most improved first', score: 'lowest score first',
};
const NEWEST = 'newest';
const NONE = 'none';

export class SamplesView {
  readonly element: HTMLElement;
  private readonly which = dropdown('Checkpoint whose samples are shown', (value) => this.events.settings({ checkpoint: value === NEWEST ? null : value }));
  private readonly against = dropdown('Compare with', (value) => this.events.settings({ against: value === NONE ? null : value }));
  private readonly order = dropdown('Order of prompts', (value) => this.events.settings({ sampleOrder: listOrders.find((one) => one === value) ?? 'prompt' }));
  private readonly open = button('Open diff', () => this.onOpen());
  private readonly filters = new SampleFilters({
    choose: (sampleFilter) => this.events.settings({ sampleFilter }),
    search: (sampleSearch) => this.events.settings({ sampleSearch }),
  });
  private readonly list = new SampleList((look, promptId) => this.onLook(look, promptId));
  readonly rows: Pick<SampleList, 'atEdge' | 'bring'> = this.list;
  private readonly note = h('p', { class: 'counts', role: 'status' });
  private readonly tools: HTMLElement;
  private asked = '';
  private message: SamplesMessage | undefined;
  private settings: ViewSettings = DEFAULT_SETTINGS;

  constructor(private readonly events: SamplesEvents) {
    this.tools = h('div', { class: 'section-tools' },
      this.which.element, h('span', { class: 'quiet', 'aria-hidden': 'true' }, 'against'), this.against.element, this.order.element, this.open.element);
    this.element = h('section', { class: 'section', id: 'samples', 'aria-labelledby': 'samples-title', tabindex: -1 },
      h('div', { class: 'section-head' }, h('h2', { id: 'samples-title' }, 'Samples'), this.tools), this.filters.element, this.note, this.list.element);
  }

  update(inventory: Inventory, settings: ViewSettings, active: boolean): void {
    const { sampled, teacherSampled, discarded } = inventory;
    const newest = sampled.at(-1);
    this.tools.hidden = newest === undefined;
    if (newest === undefined) {
      this.filters.element.hidden = true;
      setText(this.note, active ? 'The first samples come with the first checkpoint.' : 'This run ended before its first samples.');
      return;
    }
    const wanted = settings.checkpoint;
    const checkpoint = wanted !== null && (sampled.includes(wanted) || discarded.includes(wanted)) ? wanted : newest;
    const others = [...sampled, ...(teacherSampled ? ['teacher'] : []), 'reference', ...discarded].filter((name) => name !== checkpoint);
    const against = settings.against !== null && others.includes(settings.against) ? settings.against : null;
    const named = (name: string): { value: string; label: string } =>
      ({ value: name, label: `${checkpointLabel(name)}${discarded.includes(name) ? ', discarded' : ''}` });
    const choices = [{ value: NEWEST, label: `newest: ${checkpointLabel(newest)}` }, ...[...sampled].reverse().map(named), ...discarded.map(named)];
    this.which.set(choices, wanted === null ? NEWEST : checkpoint);
    this.against.set([{ value: NONE, label: 'nothing' }, ...others.map(named)], against ?? NONE);
    const orders = against === null ? listOrders.filter((order) => order === 'prompt' || order === 'score') : listOrders;
    this.order.set(orders.map((order) => ({ value: order, label: orderNames[order] })), orders.find((order) => order === settings.sampleOrder) ?? 'prompt');
    this.open.setReason(against === null ? 'Choose what to compare with first.' : null);
    const before = this.settings;
    this.settings = settings;
    if ((['sampleFilter', 'sampleSearch', 'sampleOrder'] as const).some((key) => before[key] !== settings[key])) this.render();
    const asked = JSON.stringify([checkpoint, against]);
    if (asked === this.asked) return;
    this.asked = asked;
    this.events.request(checkpoint, against);
  }

  /** The page was told everything anew: so are samples. */
  forget(): void {
    this.asked = '';
  }

  /** False for an answer to an older question, which has been overtaken. */
  show(message: SamplesMessage): boolean {
    if (JSON.stringify([message.checkpoint, message.against]) !== this.asked) return false;
    this.message = message;
    this.render();
    return true;
  }

  private onOpen(): void {
    if (this.message?.against) this.events.compare(this.message.against, this.message.checkpoint);
  }

  private onLook(look: PromptLook, promptId: string): void {
    if (this.message) this.events.look(look, promptId, this.message.checkpoint, this.message.against);
  }

  private render(): void {
    const { message } = this;
    if (!message) return;
    const { prompts, leftOut, problem, against } = message;
    const filter = against === null ? null : this.settings.sampleFilter;
    const { sampleSearch, sampleOrder } = this.settings;
    const order = against === null && sampleOrder !== 'score' ? 'prompt' : sampleOrder;
    const shown = this.filters.apply(prompts, filter, sampleSearch, order, against !== null);
    const notes = [
      problem,
      shown.length === 0 && prompts.length > 0 ? 'No prompt is like that.' : null,
      leftOut > 0 ? `${leftOut} more prompts are in the diff and in the samples file.` : null,
    ].filter((note) => note !== null);
    setText(this.note, notes.join(' '));
    this.note.hidden = notes.length === 0;
    this.list.show(shown, message);
  }
}
