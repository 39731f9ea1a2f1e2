import path from 'node:path';
import * as vscode from 'vscode';
import type { ActionId, RequestId, ToHost, ToPage } from '../../protocol/runPanel';
import { showBeginning } from '../../present/text';
import { RunFollower } from '../../rundir/follow';
import { Journal } from '../../rundir/journal';
import { RunDir } from '../../rundir/layout';
import { isSideName } from '../../rundir/sides';
import { Disposable } from '../disposable';
import { confirmEnd } from '../runs/control';
import { insistOnTrust, whyNotTrusted } from '../trust';
import { RunFeed } from './feed';
import { buildHeader } from './header';
import { RunOverlays } from './overlays';
import { runPage } from './page';
import { RunRequest } from './requests';
import { loadSamples } from './sampleView';
import { readSettings, type ViewState } from './viewState';

export interface RunPanelDependencies {
  readonly log: vscode.LogOutputChannel;
  /** Sees to it that a run hears a request. Rejects with a sentence. */
  readonly ensureSupervisor: (dir: string) => Promise<void>;
}

/** Milliseconds between messages to a page that is looked at. One that is hidden gets none. */
const TICK = 250;
/** Milliseconds between looks at a run that is laid over the charts of one that is looked at. */
const OVERLAY_TICK = 1000;
/** Milliseconds between looks at a run whose page is hidden: its title follows the state. */
const HIDDEN_TICK = 3000;
/** Milliseconds between looks at a run that has ended while its page is looked at: it may be resumed from anywhere. */
const ENDED_TICK = 2000;

/** Characters of an error that a page has room for. */
const LONGEST_REASON = 300;

/**
 * One panel over one run folder. Says nothing before the page says that it is ready; then a whole picture, and from
 * then on one message a tick with what changed. A page that was hidden has lost everything: it gets a picture again.
 */
export class RunPanelSession extends Disposable {
  private readonly follower: RunFollower;
  private readonly feed: RunFeed;
  private readonly journal: Journal;
  private readonly others: RunOverlays;
  private request: RunRequest | undefined;
  private client: string | undefined;
  /** A page that waits for a picture of a run that could not be read. */
  private waiting: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reopener: NodeJS.Timeout | undefined;
  private dirty = false;
  private lastSecond = 0;
  private posting = false;

  constructor(
    readonly panel: vscode.WebviewPanel,
    readonly dir: string,
    extension: vscode.Uri,
    private readonly state: ViewState,
    private readonly dependencies: RunPanelDependencies,
  ) {
    super();
    this.follower = this.register(new RunFollower(dir, TICK));
    this.journal = new Journal(dir);
    this.others = this.register(new RunOverlays(dir, () => (this.dirty = true)));
    this.feed = new RunFeed(() => this.follower.history, () => this.header(), () => this.others.sources(this.follower.summary));
    this.register(this.follower.onDidChange(() => this.onChange()));
    this.register(vscode.workspace.onDidGrantWorkspaceTrust(() => (this.dirty = true)));
    this.register(panel.webview.onDidReceiveMessage((message: ToHost) => void this.receive(message)));
    this.register(panel.onDidChangeViewState(() => this.onVisibility()));
    panel.webview.html = runPage(panel.webview, extension, dir);
    this.onVisibility();
    this.others.show(state.overlays(this.id));
  }

  get id(): string {
    return new RunDir(this.dir).id;
  }

  get overlays(): readonly string[] {
    return this.others.dirs;
  }

  /** Lays these runs over the charts, and no others. */
  async overlay(dirs: readonly string[]): Promise<void> {
    this.others.show(dirs);
    await this.state.keepOverlays(this.id, this.others.dirs);
  }

  override dispose(): void {
    clearInterval(this.timer);
    clearInterval(this.reopener);
    this.timer = undefined;
    this.request?.abandon();
    super.dispose();
  }

  private header(): ReturnType<typeof buildHeader> {
    const { summary, history } = this.follower;
    if (!summary) throw new Error('The run has not been read yet.');
    const now = Date.now() / 1000;
    const request = this.request?.note(summary, now) ?? null;
    return buildHeader({ summary, history, journal: this.journal.entries, request, now, noControl: whyNotTrusted() });
  }

  private onVisibility(): void {
    const { visible } = this.panel;
    this.follower.setInterval(visible ? TICK : HIDDEN_TICK);
    // An ended run is not polled any more; looking at it again asks once.
    this.follower.start();
    this.others.look(visible ? OVERLAY_TICK : HIDDEN_TICK);
    clearInterval(this.timer);
    clearInterval(this.reopener);
    this.reopener = visible ? setInterval(() => {
      this.follower.start();
      this.others.look(OVERLAY_TICK);
    }, ENDED_TICK) : undefined;
    this.timer = visible ? setInterval(() => this.tick(), TICK) : undefined;
    if (!visible) this.client = this.waiting = undefined;
  }

  private onChange(): void {
    this.dirty = true;
    if (this.waiting !== undefined) void this.receive({ type: 'ready', client: this.waiting });
    this.journal.refresh().then(
      () => (this.dirty = true),
      (error: unknown) => this.dependencies.log.warn(`The journal of ${this.id} cannot be read: ${String(error)}`),
    );
    const { summary } = this.follower;
    if (!summary || this.panel.title === summary.name) return;
    this.panel.title = summary.name;
    void this.state.opened(this.dir, summary.name);
  }

  /** At most one message a tick, and none while the last one is still on its way. */
  private tick(): void {
    if (this.client === undefined || this.posting) return;
    const second = Math.floor(Date.now() / 1000);
    const clock = second !== this.lastSecond && (this.follower.summary?.active === true || this.request !== undefined);
    if (!this.dirty && !clock) return;
    this.lastSecond = second;
    this.dirty = false;
    const delta = this.feed.delta();
    if (delta) this.post(delta);
  }

  private post(message: ToPage): void {
    this.posting = true;
    this.panel.webview.postMessage(message).then(
      () => (this.posting = false),
      (error: unknown) => {
        this.posting = false;
        this.dependencies.log.warn(`A message to the panel of ${this.id} was lost: ${String(error)}`);
      },
    );
  }

  private async receive(message: ToHost): Promise<void> {
    try {
      switch (message.type) {
        case 'ready':
          await this.begin(message.client);
          return;
        case 'resync':
          if (this.client !== undefined) this.post(this.feed.snapshot(this.state.settings(this.id)));
          return;
        case 'view':
          this.feed.look(message.viewport);
          this.dirty = true;
          this.tick();
          return;
        case 'settings':
          await this.state.keepSettings(this.id, readSettings(message.settings));
          return;
        case 'overlays':
          if (message.without === undefined) await vscode.commands.executeCommand('minillm.compareCharts', { dir: this.dir });
          else await this.overlay(this.others.dirs.filter((dir) => path.basename(dir) !== message.without));
          return;
        case 'samples':
          await this.sendSamples(message.checkpoint, message.against);
          return;
        case 'prompt':
          await this.lookAtPrompt(message);
          return;
        case 'action':
          await this.act(message.action, message.from, message.to);
          return;
      }
    } catch (error) {
      this.dependencies.log.error(`Panel of ${this.id}, ${message.type}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }

  /** The first picture for a page; where there is none, the page says why, and gets one as soon as the run can be read. */
  private async begin(client: string): Promise<void> {
    this.waiting = undefined;
    try {
      await Promise.all([this.follower.refresh(), this.journal.refresh()]);
      if (this.disposed) return;
      this.client = client;
      this.post(this.feed.snapshot(this.state.settings(this.id)));
    } catch (error) {
      if (this.disposed) return;
      this.waiting = client;
      const reason = showBeginning(error instanceof Error ? error.message : String(error), LONGEST_REASON);
      this.post({ type: 'problem', text: `This run cannot be read (${reason}). It is shown here as soon as it can.` });
      throw error;
    }
  }

  private async lookAtPrompt({ look, promptId, checkpoint, against }: Extract<ToHost, { readonly type: 'prompt' }>): Promise<void> {
    if (!isSideName(checkpoint)) return;
    const given = { dir: this.dir, checkpoint, promptId };
    const commands = { diff: 'minillm.compareSamples', travel: 'minillm.openTimeTravel', tokens: 'minillm.inspectTokens' } as const;
    if (look !== 'diff') await vscode.commands.executeCommand(commands[look], { ...given, ...(look === 'travel' ? { draw: 0 } : {}) });
    else if (against !== null && isSideName(against)) {
      await vscode.commands.executeCommand(commands.diff, { dir: this.dir, promptId, from: against, to: checkpoint });
    }
  }

  private async sendSamples(checkpoint: string, against: string | null): Promise<void> {
    // Names come from a page that shows what a model wrote: they become paths only in the trainer's own form.
    if (!isSideName(checkpoint) || (against !== null && !isSideName(against))) return;
    const message = await loadSamples(this.dir, checkpoint, against);
    if (!this.disposed && this.client !== undefined) await this.panel.webview.postMessage(message);
  }

  private async act(action: ActionId, from: string | undefined, to: string | undefined): Promise<void> {
    const target = { dir: this.dir };
    switch (action) {
      case 'stop':
      case 'pause':
      case 'continue':
      case 'checkpoint':
      case 'evaluate':
        this.send(action);
        return;
      case 'kill':
        if (await confirmEnd(this.follower.summary?.name ?? this.id)) this.send(action);
        return;
      case 'resume':
        this.forgetRequest();
        await vscode.commands.executeCommand('minillm.resume', target);
        return;
      case 'fork':
        await vscode.commands.executeCommand('minillm.fork', target);
        return;
      case 'alerts':
        await vscode.commands.executeCommand('minillm.showAlerts', target);
        return;
      case 'compare':
        await vscode.commands.executeCommand('minillm.compareSamples', from !== undefined && to !== undefined ? { ...target, from, to } : target);
        return;
      case 'log':
        await vscode.commands.executeCommand('minillm.showLog', target);
        return;
      case 'config':
        await vscode.commands.executeCommand('minillm.openConfig', target);
        return;
      case 'folder':
        await vscode.commands.executeCommand('minillm.revealRun', target);
        return;
    }
  }

  private forgetRequest(): void {
    this.request?.abandon();
    this.request = undefined;
    this.dirty = true;
  }

  private send(verb: RequestId): void {
    if (!insistOnTrust()) return;
    this.request?.abandon();
    const request = new RunRequest(this.dir, verb, this.dependencies.ensureSupervisor, () => (this.dirty = true));
    this.request = request;
    this.dirty = true;
    void request.run();
  }
}
