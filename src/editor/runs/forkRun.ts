import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { forkText, nextName } from '../../config/forkText';
import type { Run } from '../../contract/generated';
import { phasesToCome } from '../../launch/fork';
import { checkpointLabel } from '../../present/labels';
import { listCheckpoints } from '../../rundir/checkpoints';
import { RunDir } from '../../rundir/layout';
import { readPlain } from '../../rundir/plainFile';
import { readRare } from '../../rundir/rareEvents';
import { readRun } from '../../rundir/runs';
import type { EditorContext } from '../context';
import { showInfo, showWarning } from '../notify';
import type { ForkDrafts } from './forkDrafts';
import type { RunRegistry } from './registry';
import { presentRun } from './target';

/**
 * Fork Run: opens an edited copy of a run's config, which starts from one of its checkpoints. Running that config makes
 * the new run. Returns the copy's address.
 */
export function registerForkRun(context: EditorContext, runs: RunRegistry, drafts: ForkDrafts): void {
  context.command('minillm.fork', async (given) => {
    const target = await presentRun(runs, given, 'Run to fork');
    if (!target) return undefined;
    const { dir } = target;
    const { run, name, problem } = await readRun(dir);
    if (run === undefined) throw new Error(problem ?? `${name} has no run.json.`);
    const saved = await listCheckpoints(dir);
    const checkpoint = target.checkpoint ?? (await pickSaved(runs, dir, saved.map((one) => one.name), name));
    if (checkpoint === undefined) return undefined;
    const step = saved.find((one) => one.name === checkpoint)?.step;
    if (step === undefined) {
      void showWarning(`The weights of ${checkpointLabel(checkpoint)} are gone: "checkpoints.keep" in the config limits how many stay.`);
      return undefined;
    }
    const config = await writeDraft(run, dir, checkpoint, step);
    await drafts.keep(config.fsPath, { dir, checkpoint });
    await vscode.window.showTextDocument(config);
    return config;
  });
}

async function pickSaved(runs: RunRegistry, dir: string, saved: readonly string[], name: string): Promise<string | undefined> {
  if (saved.length === 0) {
    void showInfo(`${name} has no checkpoint yet that another run could start from.`);
    return undefined;
  }
  const best = (await runs.checkpoints(dir)).find((row) => row.best)?.name;
  const picks = [...saved].reverse().map((one) => ({ label: checkpointLabel(one), description: one === best ? 'best' : '', name: one }));
  return (await vscode.window.showQuickPick(picks, { title: `Fork ${name}`, placeHolder: 'Checkpoint to start from' }))?.name;
}

/** Where a copy of the config goes: beside the one that was launched, if that lies in the workspace. */
function folderFor({ configSource }: Run): { readonly folder: string; readonly beside: boolean } {
  const source = path.resolve(configSource);
  const beside = configSource !== '' && vscode.workspace.getWorkspaceFolder(vscode.Uri.file(source)) !== undefined;
  const [first] = vscode.workspace.workspaceFolders ?? [];
  if (!beside && !first) throw new Error('The config of a fork needs a folder: open one first.');
  return { folder: beside ? path.dirname(source) : (first?.uri.fsPath ?? ''), beside };
}

/** Bytes of a config. No person writes that many. */
const LARGEST_CONFIG = 4 << 20;

async function writeDraft(run: Run, dir: string, checkpoint: string, step: number): Promise<vscode.Uri> {
  const { folder, beside } = folderFor(run);
  const plan = (await readRare(dir)).start?.plan ?? [];
  const phasesDone = run.config.phases.length - phasesToCome(run.config, plan, step).phases.length;
  // Paths in a config are relative to it: elsewhere only the resolved one, whose paths are absolute, means the same.
  const text = beside ? await readPlain(new RunDir(dir).config, LARGEST_CONFIG) : `${JSON.stringify(run.config, null, 2)}\n`;
  const name = await freeName(folder, run.name);
  const notes = [
    `Forked from ${run.id}: the student starts with the weights of ${checkpointLabel(checkpoint)}.`,
    ...(phasesDone > 0 ? [`The ${phasesDone === 1 ? 'phase' : `${phasesDone} phases`} before that ${phasesDone === 1 ? 'is' : 'are'} left out.`] : []),
  ];
  const uri = vscode.Uri.file(path.join(folder, `${fileStem(name)}.minillm.jsonc`));
  await vscode.workspace.fs.writeFile(uri, Buffer.from(forkText(text, { name, phasesDone, notes })));
  return uri;
}

const fileStem = (name: string): string => name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '').slice(0, 80) || 'fork';

async function freeName(folder: string, name: string): Promise<string> {
  const taken = new Set<string>();
  for (let candidate = nextName(name, (one) => taken.has(one)); ; candidate = nextName(name, (one) => taken.has(one))) {
    const exists = await stat(path.join(folder, `${fileStem(candidate)}.minillm.jsonc`)).then(() => true, () => false);
    if (!exists) return candidate;
    taken.add(candidate);
  }
}
