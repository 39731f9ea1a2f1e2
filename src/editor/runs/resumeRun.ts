import * as vscode from 'vscode';
import { LaunchError } from '../../launch/errors';
import { foreignCode, resumeRun, whyNotResume } from '../../launch/resume';
import { readRun, type RunSummary } from '../../rundir/runs';
import type { EditorContext } from '../context';
import { confirm, showInfo } from '../notify';
import type { RunRegistry } from './registry';
import type { Supervision } from './supervision';
import { pickRun, targetOf } from './target';

export interface ResumeDeps {
  readonly runs: RunRegistry;
  readonly supervision: Supervision;
  readonly openPanel: (dir: string) => void | Promise<void>;
}

/** Resume Run: another attempt from the last checkpoint. Returns the run's folder, or nothing when it does not go on. */
export function registerResumeRun(context: EditorContext, { runs, supervision, openPanel }: ResumeDeps): void {
  context.command('minillm.resume', async (given) => {
    const able = runs.runs.filter(({ summary }) => !summary.active && (summary.state !== 'unknown' || summary.forsaken) && whyNotResume(summary) === undefined);
    const target = targetOf(given) ?? (await pickRun(able, 'Run to resume', 'There is no run that could be resumed.'));
    if (!target) return undefined;
    const { dir } = target;
    const summary = await readRun(dir);
    const refusal = summary.state === 'unknown' && !summary.forsaken ? summary.text : whyNotResume(summary);
    if (refusal !== undefined) {
      void showInfo(refusal);
      return undefined;
    }
    if (summary.forsaken && !(await confirmGone(summary))) return undefined;
    if (summary.run !== undefined && !(await confirmCode(summary.name, foreignCode(summary.run.config)))) return undefined;
    if (!(await resume(dir, summary.name))) return undefined;
    await runs.refresh();
    await openPanel(dir);
    return dir;
  });

  async function resume(dir: string, name: string): Promise<boolean> {
    const attempt = (allowChangedData: boolean): Thenable<unknown> =>
      vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `MiniLLM: resuming ${name}` }, async (progress) =>
        resumeRun({ ...(await supervision.optionsFor(dir)), allowChangedData, onProgress: (message) => progress.report({ message }) }));
    try {
      await attempt(false);
    } catch (error) {
      if (!(error instanceof LaunchError) || error.reason !== 'data changed') throw error;
      if (!(await confirm(error.message, error.fix, 'Resume Anyway'))) return false;
      await attempt(true);
    }
    context.log.info(`Resumed ${dir}.`);
    return true;
  }
}

/** Nobody can tell from here that it is gone: a person has to say so. */
function confirmGone({ name, text }: RunSummary): Promise<boolean> {
  const detail = `${text} Should it be at work after all, two trainers would write into one folder.`;
  return confirm(`Resume ${name}?`, detail, 'Resume Anyway');
}

/** A run folder may come from a stranger: what it says of code to be executed is asked about, as a new config would have been read. */
async function confirmCode(name: string, what: readonly string[]): Promise<boolean> {
  if (what.length === 0) return true;
  return confirm(`Let ${name} run code that comes with its models?`, `Its config says ${what.join(' and ')}. Go on only where you trust them.`, 'Resume');
}
