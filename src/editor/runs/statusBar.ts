import * as vscode from 'vscode';
import { stateLook, timeLeft } from '../../present/labels';
import { Disposable } from '../disposable';
import { runDescription, runLabel } from './describe';
import type { ListedRun, RunRegistry } from './registry';

/** One item at the left of the status bar while a run is active, and nothing else. */
export class RunStatusBar extends Disposable {
  private readonly item = this.register(vscode.window.createStatusBarItem('minillm.activeRuns', vscode.StatusBarAlignment.Left, 10));

  constructor(private readonly runs: RunRegistry) {
    super();
    this.item.name = 'MiniLLM Runs';
    this.register(runs.onDidChange(() => this.update()));
    this.update();
  }

  private update(): void {
    const active = this.runs.activeRuns;
    const [first] = active;
    if (!first) {
      this.item.hide();
      return;
    }
    this.item.command = { command: 'minillm.openPanel', title: 'Open Run Panel', arguments: active.length === 1 ? [{ dir: first.summary.dir }] : [] };
    this.item.text = active.length === 1 ? oneRun(first) : `$(sync~spin) ${active.length} runs`;
    const lines = active.map((run) => `${runLabel(run)}: ${runDescription(run, new Date())}`);
    this.item.tooltip = lines.join('\n');
    this.item.accessibilityInformation = { label: `MiniLLM, ${lines.join('; ').replaceAll(' · ', ', ')}` };
    const stalled = active.some((run) => run.summary.state === 'stalled');
    this.item.backgroundColor = stalled ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.item.show();
  }
}

function oneRun(run: ListedRun): string {
  const { state, status } = run.summary;
  const share = status !== undefined && status.total > 0 && status.step > 0 ? ` ${Math.floor((100 * status.step) / status.total)} %` : '';
  const left = timeLeft(status?.eta);
  // "$(" would begin an icon.
  const rest = share === '' ? `, ${status?.activity ?? stateLook(state).label}` : left === undefined ? '' : `, ${left}`;
  return `$(${stateLook(state).icon}) ${`${runLabel(run)}${share}${rest}`.replaceAll('$(', '$ (')}`;
}
