import * as vscode from 'vscode';
import { registerConfig } from './editor/config/register';
import { EditorContext } from './editor/context';
import { honourOpenRequests } from './editor/demo/openRequest';
import { registerOpenDemo, showPendingDemo } from './editor/demo/openDemo';
import { registerCollectDiagnostics } from './editor/diagnostics/collect';
import { registerDoctor } from './editor/diagnostics/doctor';
import { Disposable } from './editor/disposable';
import { registerCompareCharts } from './editor/panel/compareCharts';
import { registerRunPanels } from './editor/panel/runPanel';
import { registerInlineSamples } from './editor/inline/register';
import { registerPython } from './editor/python/register';
import { Reports } from './editor/reports';
import { AlertNotices, registerShowAlerts } from './editor/runs/alerts';
import { offerToResume } from './editor/runs/afterRestart';
import { registerCleanUp } from './editor/runs/cleanUp';
import { registerRunControl } from './editor/runs/control';
import { RunsFolders } from './editor/runs/folders';
import { ForkDrafts } from './editor/runs/forkDrafts';
import { registerForkRun } from './editor/runs/forkRun';
import { registerRuns } from './editor/runs/register';
import { type ListedRun, RunRegistry } from './editor/runs/registry';
import { registerResumeRun } from './editor/runs/resumeRun';
import { registerStartRun } from './editor/runs/startRun';
import { Supervision } from './editor/runs/supervision';
import { registerSamples } from './editor/samples/register';
import { registerTimeTravel } from './editor/travel/register';

/** What tests ask of the extension; nothing else relies on it. */
export interface Api {
  /** The first look at the runs is done, and what a folder asked to have opened is open. */
  readonly ready: Promise<void>;
  readonly runs: () => readonly ListedRun[];
  /** Ends everything, as deactivation does. Returns what is alive all the same. */
  readonly end: () => readonly string[];
}

/** Puts the parts together. Runs are processes of their own: nothing here, and nothing in deactivation, ends one. */
export function activate(extension: vscode.ExtensionContext): Api {
  const context = new EditorContext(extension);
  extension.subscriptions.push(context);

  const folders = new RunsFolders(context);
  const runs = context.register(new RunRegistry(() => folders.all, (text) => context.log.warn(text)));
  const drafts = new ForkDrafts(context);
  const reports = context.register(new Reports());
  const python = registerPython(context);
  const supervision = context.register(new Supervision(context, runs, python));
  const panels = context.register(registerRunPanels(extension, { log: context.log, ensureSupervisor: (dir) => supervision.ensure(dir) }));
  const travel = registerTimeTravel(context, runs);
  const openPanel = (dir: string): void | Promise<void> => panels.open(dir);
  const closePages = (dir: string): void => {
    panels.close(dir);
    travel.close(dir);
  };

  const diagnostics = registerConfig(context, { runs, folders, python, drafts });
  const { selection, listed } = registerRuns(context, { runs, folders, openPanel, closePages });
  registerCompareCharts(context, runs, panels);
  registerStartRun(context, { runs, folders, python, diagnostics, drafts, openPanel });
  registerRunControl(context, runs, supervision);
  registerResumeRun(context, { runs, supervision, openPanel });
  registerForkRun(context, runs, drafts);
  registerCleanUp(context, runs, closePages);
  context.register(new AlertNotices(context, runs));
  registerShowAlerts(context, runs, reports);
  registerSamples(context, runs, selection);
  registerInlineSamples(context, runs);
  registerOpenDemo(context);
  registerCollectDiagnostics(context, { runs, folders, python });
  registerDoctor(context, { folders, python, reports });

  const ready = listed
    .then(() => honourOpenRequests(context, folders.all, openPanel))
    .then(() => showPendingDemo(context));
  context.background('Starting', ready);
  const offer = (): void => context.background('Offering to resume', listed.then(() => offerToResume(context, runs)));
  context.register(vscode.workspace.onDidGrantWorkspaceTrust(offer));
  offer();

  return {
    ready,
    runs: () => runs.runs,
    end: () => {
      context.dispose();
      return Disposable.alive;
    },
  };
}
