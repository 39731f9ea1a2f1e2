/* The page as a whole: what it knows, how it is looked at, and who is told when either changes. */
import { DEFAULT_SETTINGS, foldFeed, type PageState, type SnapshotMessage, type ToPage, type ViewSettings, wholeOf } from '../../src/protocol/runPanel';
import { Board } from '../charts/board';
import { smoothedOver } from '../charts/words';
import { zoomWithin } from '../charts/zoom';
import { h, setAttribute, setChildren, setText } from '../parts/dom';
import { send } from '../parts/host';
import { button, slider } from '../parts/toolkit';
import { HeaderView } from './header';
import { PagePlace } from './place';
import { ResultsView } from './results';
import { RunsKey } from './runsKey';
import { SamplesView } from './samples';

export class App {
  private state: PageState | undefined;
  private settings: ViewSettings = DEFAULT_SETTINGS;
  private settled = false;
  private resyncing = false;
  private sentView = '';
  private viewTimer = 0;

  private readonly header = new HeaderView((action) => send({ type: 'action', action }));
  private readonly board = new Board({ settings: (change) => this.change(change), viewport: () => this.reportView() });
  private readonly results = new ResultsView({
    tick: (ticked) => this.change({ ticked }),
    compare: (from, to) => send({ type: 'action', action: 'compare', from, to }),
  });
  private readonly samples = new SamplesView({
    settings: (change) => this.change(change),
    request: (checkpoint, against) => send({ type: 'samples', checkpoint, against }),
    compare: (from, to) => send({ type: 'action', action: 'compare', from, to }),
    look: (look, promptId, checkpoint, against) => send({ type: 'prompt', look, promptId, checkpoint, against }),
  });
  private readonly smoothing = slider('Smoothing', 0.98, 0.02, (value) => this.change({ smoothing: value }));
  private readonly smoothingText = h('output', { class: 'smoothing-value' });
  private readonly smoothingLabel = h('label', { class: 'smoothing' }, 'Smoothing', this.smoothing, this.smoothingText);
  private readonly reset = button('Whole run', () => this.change({ zoom: null }));
  private readonly compareRuns = button('Compare runs…', () => send({ type: 'overlays' }));
  private readonly runsKey = new RunsKey({
    remove: (without) => send({ type: 'overlays', without }),
    leave: () => this.compareRuns.element.focus(),
    emphasize: (run) => this.board.emphasize(run),
  });
  private readonly zoomText = h('span', { class: 'quiet zoom-text' });
  private readonly empty = h('p', { class: 'empty' });
  private readonly charts: HTMLElement;
  private readonly bar: HTMLElement;
  private readonly place: PagePlace;

  constructor(private readonly root: HTMLElement) {
    const jump = (id: string, label: string): HTMLElement => h('a', { href: `#${id}` }, label);
    this.charts = h('section', { class: 'section', id: 'charts', 'aria-label': 'Charts', tabindex: -1 }, this.empty, this.board.element);
    this.bar = h('div', { class: 'bar', role: 'region', 'aria-label': 'View' },
      h('nav', { 'aria-label': 'Sections' }, jump('charts', 'Charts'), jump('results', 'Results'), jump('samples', 'Samples')),
      h('div', { class: 'bar-tools' }, this.zoomText, this.reset.element,
        this.smoothingLabel, this.compareRuns.element),
      this.runsKey.element);
    setChildren(this.root, [this.header.element, this.bar, h('main', {}, this.charts, this.results.element, this.samples.element)]);
    this.root.hidden = true;
    this.place = new PagePlace(document.body.dataset['run'] ?? '', this.samples.rows);
  }

  start(): void {
    const client = crypto.randomUUID();
    send({ type: 'ready', client });
  }

  receive(message: ToPage): void {
    if (message.type === 'samples') {
      if (this.samples.show(message)) this.place.arrive();
      return;
    }
    if (message.type === 'problem') {
      const loading = document.getElementById('loading');
      if (loading) setText(loading, message.text);
      return;
    }
    const folded = foldFeed(this.state, message);
    if (folded.kind === 'resync') {
      // One question is enough; the answer is a snapshot.
      if (!this.resyncing) send({ type: 'resync' });
      this.resyncing = true;
      return;
    }
    if (folded.kind === 'ignored') return;
    if (message.type === 'snapshot') {
      this.resyncing = false;
      this.samples.forget();
      this.settle(message);
    }
    this.state = folded.state;
    this.render();
    this.reportView();
  }

  /** How the run was looked at last time. Only the first picture tells: from then on this page knows better than the host. */
  private settle({ settings, inventory }: SnapshotMessage): void {
    if (this.settled) return;
    this.settled = true;
    this.settings = settings;
    this.root.hidden = false;
    document.getElementById('loading')?.remove();
    this.place.begin(inventory.sampled.length > 0);
  }

  private change(change: Partial<ViewSettings>): void {
    this.settings = { ...this.settings, ...change };
    send({ type: 'settings', settings: this.settings });
    this.render();
    this.reportView();
  }

  /** The zoom is kept for when the run that it is of is laid over the charts again. */
  private seen(state: PageState): ViewSettings {
    return { ...this.settings, zoom: zoomWithin(this.settings.zoom, wholeOf(state)) };
  }

  private render(): void {
    const { state } = this;
    if (!state) return;
    const settings = this.seen(state);
    const { header, inventory } = state;
    document.title = header.name;
    this.header.update(header, state.results.headlines);
    const none = inventory.metrics.length === 0;
    this.empty.hidden = !none;
    // Nothing to look at yet: one sentence, not three empty sections.
    for (const part of [this.bar, this.results.element, this.samples.element]) part.hidden = none;
    if (none) setText(this.empty, header.active ? 'Charts come with the first step, scores and samples with the first checkpoint.' : 'This run ended before its first step.');
    this.runsKey.update(header.name, state.overlays);
    this.board.update(state, settings);
    this.results.update(state.results, settings.ticked, header.active);
    this.samples.update(inventory, settings, header.active);
    if (this.smoothing.value !== String(settings.smoothing)) this.smoothing.value = String(settings.smoothing);
    setText(this.smoothingText, settings.smoothing === 0 ? 'off' : settings.smoothing.toFixed(2));
    const over = smoothedOver([...state.series.values()], settings.smoothing);
    setAttribute(this.smoothing, 'aria-valuetext', [settings.smoothing === 0 ? 'off' : settings.smoothing.toFixed(2), ...(over === '' ? [] : [over])].join(', '));
    setAttribute(this.smoothingLabel, 'title', `Exponential moving average${over === '' ? '' : ` over ${over}`}, as smooth at any zoom. Left: as measured.`);
    this.reset.element.hidden = settings.zoom === null;
    this.zoomText.hidden = settings.zoom === null;
    if (settings.zoom) setText(this.zoomText, `steps ${settings.zoom[0].toLocaleString('en')}–${settings.zoom[1].toLocaleString('en')}`);
    setAttribute(this.root, 'data-events', header.events);
  }

  /** Tells the host what is in view, once things have come to rest for a moment. */
  private reportView(): void {
    if (this.viewTimer !== 0 || !this.state) return;
    this.viewTimer = window.setTimeout(() => {
      this.viewTimer = 0;
      if (!this.state) return;
      const viewport = this.board.viewport(this.seen(this.state));
      const key = JSON.stringify(viewport);
      if (key === this.sentView) return;
      this.sentView = key;
      send({ type: 'view', viewport });
    }, 40);
  }
}
