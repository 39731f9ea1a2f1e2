import * as vscode from 'vscode';
import { namedRunsFolder } from '../../config/namedRunsFolder';
import { doctorLines, judge } from '../../present/doctor';
import { examine } from '../../launch/doctor';
import { resolvePath } from '../../launch/expand';
import { isConfig, workspaceOf } from '../config/files';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from '../python/environments';
import { currentWorkspace } from '../python/select';
import type { Reports } from '../reports';
import type { RunsFolders } from '../runs/folders';

export interface DoctorDeps {
  readonly folders: RunsFolders;
  readonly python: PythonEnvironments;
  readonly reports: Reports;
}

/** Doctor: what would keep a run from working here, each with what mends it; a run of the config that is open, where one is. */
export function registerDoctor(context: EditorContext, { folders, python, reports }: DoctorDeps): void {
  context.command('minillm.doctor', async () => {
    const active = vscode.window.activeTextEditor?.document;
    const config = active && isConfig(active) ? active : undefined;
    const workspace = config ? workspaceOf(config.uri) : currentWorkspace(context);
    const title = 'MiniLLM: looking at this machine';
    const facts = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, async () => {
      const [search, env] = await Promise.all([python.searchFor(workspace), python.environmentFor(workspace)]);
      const named = config && namedRunsFolder(config.getText());
      const runsFolder = named === undefined ? folders.usualOf(workspace) : resolvePath(named, { workspace, env });
      return examine({ search: { ...search, workspace, env }, runsFolder, trainerSource: context.shipped('trainer') });
    });
    await reports.show('MiniLLM Doctor', `${doctorLines(judge(facts)).join('\n')}\n`);
  });
}
