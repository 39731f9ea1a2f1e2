import * as vscode from 'vscode';
import { type EditorContext, setContextKey } from '../context';
import { registerRunCommands } from './commands';
import type { RunsFolders } from './folders';
import type { RunRegistry } from './registry';
import { RunStatusBar } from './statusBar';
import { type Node, RunsTree } from './tree';

export interface RunsDeps {
  readonly runs: RunRegistry;
  readonly folders: RunsFolders;
  readonly openPanel: (dir: string) => void | Promise<void>;
  /** What shows a run as a page, now that it has been deleted. */
  readonly closePages: (dir: string) => void;
}

export interface RunsView {
  /** Rows that are selected: what a key that is pressed there means. */
  readonly selection: () => readonly Node[];
  /** Resolves when the view knows what there is. */
  readonly listed: Promise<void>;
}

/** The Runs view, the status bar item, and what can be done with a run. */
export function registerRuns(context: EditorContext, { runs, folders, openPanel, closePages }: RunsDeps): RunsView {
  const tree = context.register(new RunsTree(runs));
  const view = context.register(vscode.window.createTreeView<Node>('minillm.runs', { treeDataProvider: tree, canSelectMany: true, showCollapseAll: true }));
  context.register(new RunStatusBar(runs));
  const selection = (): readonly Node[] => view.selection;
  registerRunCommands(context, { runs, folders, openPanel, closePages, selection });

  const update = (): void => {
    const active = runs.activeRuns.length;
    setContextKey('minillm.hasRuns', runs.runs.length > 0);
    setContextKey('minillm.activeRuns', active);
    view.badge = active === 0 ? undefined : { value: active, tooltip: active === 1 ? '1 active run' : `${active} active runs` };
  };
  context.register(runs.onDidChange(update));
  context.register(vscode.workspace.onDidChangeWorkspaceFolders(() => void runs.refresh()));
  context.register(vscode.window.onDidChangeWindowState(({ focused }) => focused && void runs.refresh()));
  context.register(vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration('minillm.runsFolder') && void runs.refresh()));
  const listed = runs.start().then(() => {
    update();
    // Only now does the welcome speak: "no runs yet" must not flash before the first look.
    setContextKey('minillm.ready', true);
  });
  return { selection, listed };
}
