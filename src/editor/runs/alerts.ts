import * as vscode from 'vscode';
import { alertLine, alertReport } from '../../present/alertText';
import { readJournal } from '../../rundir/journal';
import { readRare } from '../../rundir/rareEvents';
import { readRun } from '../../rundir/runs';
import { foldAlerts, type RunAlert } from '../../telemetry/alerts';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import { showWarning } from '../notify';
import type { Reports } from '../reports';
import type { ListedRun, RunRegistry } from './registry';
import { presentRun } from './target';

const TOLD = 'alerts.told';
const MUTED = 'alerts.muted';
/** Alerts, and runs, that are remembered. */
const REMEMBERED = 500;

/** Tells of what guards found: once for each guard of a run, and not at all for a run that was muted. */
export class AlertNotices extends Disposable {
  private readonly since = Date.now() / 1000;

  constructor(private readonly context: EditorContext, private readonly runs: RunRegistry) {
    super();
    this.register(runs.onDidChange(() => this.look()));
    this.register(vscode.workspace.onDidGrantWorkspaceTrust(() => this.look()));
  }

  private look(): void {
    // What an untrusted folder says is there to be looked at; it does not speak up by itself.
    if (!vscode.workspace.isTrusted) return;
    for (const run of this.runs.runs) {
      for (const alert of run.alerts) {
        // What happened before this window came is news only of a run that goes on.
        if (alert.level !== 'info' && (run.summary.active || alert.t > this.since)) this.tell(run, alert);
      }
    }
  }

  private tell({ summary: { id, dir, name } }: ListedRun, alert: RunAlert): void {
    const key = `${id} ${alert.rule}`;
    if (this.memory(TOLD).includes(key) || this.memory(MUTED).includes(id)) return;
    this.context.background('Remembering an alert', this.remember(TOLD, key));
    this.context.log.warn(`${id}: ${alertLine(alert)}`);
    const [open, show, mute] = ['Open Run Panel', 'Show Responses', 'Mute This Run'];
    const actions = [open, ...(alert.samples.length > 0 ? [show] : []), mute];
    const asked = Promise.resolve(showWarning(`${name}: ${alertLine(alert)}`, ...actions)).then(async (answer) => {
      if (answer === open) await vscode.commands.executeCommand('minillm.openPanel', { dir });
      if (answer === show) await vscode.commands.executeCommand('minillm.showAlerts', { dir });
      if (answer === mute) await this.remember(MUTED, id);
    });
    this.context.background('Telling of an alert', asked);
  }

  private memory(key: string): string[] {
    return this.context.extension.workspaceState.get<string[]>(key, []);
  }

  private async remember(key: string, value: string): Promise<void> {
    await this.context.extension.workspaceState.update(key, [value, ...this.memory(key)].slice(0, REMEMBERED));
  }
}

/** Show Alerts: all that guards said about a run, with the numbers and the responses. */
export function registerShowAlerts(context: EditorContext, runs: RunRegistry, reports: Reports): void {
  context.command('minillm.showAlerts', async (given) => {
    const target = await presentRun(runs, given, 'Run whose alerts to show');
    if (!target) return;
    const { dir } = target;
    const [{ name }, journal, { alerts }] = await Promise.all([readRun(dir), readJournal(dir), readRare(dir)]);
    await reports.show(`Alerts of ${name}`, alertReport(name, foldAlerts(alerts, journal)));
  });
}
