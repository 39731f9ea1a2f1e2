/* What the student writes: the inspection prompts at one checkpoint, set against another. All of it is text nodes. */
import { checkpointLabel } from '../../src/present/labels';
import type { Inventory, SamplesMessage, ShownDraw, ShownPrompt, ViewSettings } from '../../src/protocol/runPanel';
import type { Change } from '../../src/samples/change';
import { diffText } from '../../src/samples/diff';
import { h, setChildren, setText } from '../parts/dom';
import { button, checkbox, dropdown } from '../parts/toolkit';

export interface SamplesEvents {
  settings(change: Partial<ViewSettings>): void;
  request(checkpoint: string, against: string | null): void;
  compare(older: string, newer: string): void;
}

const changeWords: Readonly<Record<Change, string>> = { improved: 'better', regressed: 'worse', changed: 'changed', same: 'same', unpaired: 'only one side' };
const NEWEST = 'newest';
const NONE = 'none';

export class SamplesView {
  readonly element: HTMLElement;
  private readonly which = dropdown('Checkpoint whose samples are shown', (value) => this.events.settings({ checkpoint: value === NEWEST ? null : value }));
  private readonly against = dropdown('Compare with', (value) => this.events.settings({ against: value === NONE ? null : value }));
  private readonly onlyChanged = checkbox('only changed', (on) => this.events.settings({ onlyChanged: on }));
  private readonly open = button('Open diff', () => this.onOpen());
  private readonly counts = h('p', { class: 'counts' });
  private readonly content = h('div', { class: 'prompts' });
  private readonly tools: HTMLElement;
  private asked = '';
  private message: SamplesMessage | undefined;
  private filter = false;

  constructor(private readonly events: SamplesEvents) {
    this.tools = h('div', { class: 'section-tools' },
      this.which.element, h('span', { class: 'quiet', 'aria-hidden': 'true' }, 'against'), this.against.element, this.onlyChanged.element, this.open.element);
    this.element = h('section', { class: 'section', id: 'samples', 'aria-labelledby': 'samples-title', tabindex: -1 },
      h('div', { class: 'section-head' }, h('h2', { id: 'samples-title' }, 'Samples'), this.tools), this.counts, this.content);
  }

  update(inventory: Inventory, settings: ViewSettings, active: boolean): void {
    const { sampled, teacherSampled } = inventory;
    const newest = sampled.at(-1);
    this.tools.hidden = newest === undefined;
    if (newest === undefined) {
      this.counts.hidden = true;
      setChildren(this.content, [h('p', { class: 'empty' }, active ? 'The first samples come with the first checkpoint.' : 'This run ended before its first samples.')]);
      return;
    }
    const checkpoint = settings.checkpoint !== null && sampled.includes(settings.checkpoint) ? settings.checkpoint : newest;
    const others = [...sampled.filter((name) => name !== checkpoint), ...(teacherSampled ? ['teacher'] : []), 'reference'];
    const against = settings.against !== null && others.includes(settings.against) ? settings.against : null;
    const named = (name: string): { value: string; label: string } => ({ value: name, label: checkpointLabel(name) });
    this.which.set([{ value: NEWEST, label: `newest (${checkpointLabel(newest)})` }, ...[...sampled].reverse().map(named)], settings.checkpoint === null ? NEWEST : checkpoint);
    this.against.set([{ value: NONE, label: 'nothing' }, ...others.map(named)], against ?? NONE);
    this.onlyChanged.element.hidden = against === null;
    this.onlyChanged.set(settings.onlyChanged);
    this.open.setReason(against === null ? 'Choose what to compare with first.' : null);
    if (this.filter !== settings.onlyChanged) {
      this.filter = settings.onlyChanged;
      this.render();
    }
    const wanted = JSON.stringify([checkpoint, against]);
    if (wanted === this.asked) return;
    this.asked = wanted;
    this.events.request(checkpoint, against);
  }

  /** The page was told everything anew: so are samples. */
  forget(): void {
    this.asked = '';
  }

  show(message: SamplesMessage): void {
    // An answer to an older question has been overtaken.
    if (JSON.stringify([message.checkpoint, message.against]) !== this.asked) return;
    this.message = message;
    this.render();
  }

  private onOpen(): void {
    if (this.message?.against) this.events.compare(this.message.against, this.message.checkpoint);
  }

  private render(): void {
    const { message } = this;
    if (!message) return;
    const { counts, prompts, leftOut, problem } = message;
    setText(this.counts, problem ?? (counts === null ? '' : (Object.keys(changeWords) as Change[]).filter((change) => counts[change] > 0).map((change) => `${counts[change]} ${changeWords[change]}`).join(' · ')));
    this.counts.hidden = this.counts.textContent === '';
    const hideSame = this.filter && message.against !== null;
    const shown = prompts.map((prompt) => ({ ...prompt, draws: hideSame ? prompt.draws.filter(({ change }) => change !== 'same') : prompt.draws })).filter(({ draws }) => draws.length > 0);
    const parts: HTMLElement[] = shown.map((prompt) => renderPrompt(prompt, message.against));
    if (shown.length === 0 && prompts.length > 0) parts.push(h('p', { class: 'empty' }, 'Every response is the same on both sides.'));
    if (leftOut > 0) parts.push(h('p', { class: 'quiet' }, `${leftOut} more prompts are in the diff and in the samples file.`));
    setChildren(this.content, parts);
  }
}

function renderPrompt({ prompt, references, teacher, draws }: ShownPrompt, against: string | null): HTMLElement {
  const targets: HTMLElement[] = [];
  if (references.length > 0) targets.push(h('div', {}, h('dt', {}, 'reference'), h('dd', {}, references.join('  |  '))));
  if (teacher !== null) targets.push(h('div', {}, h('dt', {}, 'teacher'), h('dd', {}, teacher)));
  return h('article', { class: 'prompt' },
    h('h3', { class: 'prompt-text' }, prompt),
    targets.length > 0 ? h('dl', { class: 'targets' }, ...targets) : null,
    h('ul', { class: 'draws' }, ...draws.map((draw) => renderDraw(draw, against !== null))));
}

function renderDraw({ draw, newer, older, change }: ShownDraw, comparing: boolean): HTMLElement {
  const exact = newer?.exact ?? null;
  const text = h('div', { class: 'draw-text' });
  if (newer === null) text.append(h('span', { class: 'quiet' }, 'not here'));
  else if (!comparing || older === null) text.append(newer.text === '' ? h('span', { class: 'quiet' }, '(empty)') : newer.text);
  else {
    for (const { kind, text: stretch } of diffText(older.text, newer.text).parts) {
      text.append(kind === 'same' ? stretch : h(kind === 'added' ? 'ins' : 'del', {}, stretch));
    }
  }
  return h('li', { class: `draw ${change === null ? '' : `change-${change}`}` },
    h('span', { class: 'draw-name' }, draw === 0 ? 'greedy' : `draw ${draw}`),
    text,
    h('span', { class: 'draw-detail', title: newer?.detail ?? null },
      exact === null ? null : h('span', { class: exact ? 'exact' : 'visually-hidden' }, exact ? 'exact' : 'not exact'),
      newer?.brief ?? '',
      change === null || change === 'same' ? null : h('span', { class: `change change-word-${change}` }, changeWords[change])));
}
