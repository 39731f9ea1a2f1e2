// Last of all files by name: the extension is gone afterwards.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { identityOf } from '../harness/processes';
import { activated, inWorkspace, until } from './api';
import { writeRun } from './runFolder';

/** Timers that the extension has set and that have neither fired nor been cleared, from now on: where each was set. */
function watchTimers(): { readonly pending: ReadonlyMap<unknown, string>; stop(): void } {
  const pending = new Map<unknown, string>();
  const { setTimeout: once, setInterval: often, clearTimeout: clearOnce, clearInterval: clearOften } = globalThis;
  const note = (handle: unknown): void => {
    // Below this function and the one that stands in for the editor's: who has set it. The editor sets some of its own when it is called.
    const place = new Error().stack?.split('\n')[3]?.trim() ?? '';
    if (/dist.extension\.js/.test(place)) pending.set(handle, place);
  };
  const forgetting = <T extends typeof clearTimeout>(clear: T): T => ((handle?: NodeJS.Timeout) => {
    pending.delete(handle);
    clear(handle);
  }) as T;
  globalThis.setTimeout = ((run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const handle = once(() => {
      pending.delete(handle);
      run(...args);
    }, ms);
    note(handle);
    return handle;
  }) as typeof setTimeout;
  globalThis.setInterval = ((run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const handle = often(run, ms, ...args);
    note(handle);
    return handle;
  }) as typeof setInterval;
  globalThis.clearTimeout = forgetting(clearOnce);
  globalThis.clearInterval = forgetting(clearOften);
  const own = { setTimeout: once, setInterval: often, clearTimeout: clearOnce, clearInterval: clearOften };
  return { pending, stop: () => void Object.assign(globalThis, own) };
}

describe('the end of the extension', () => {
  it('leaves nothing behind, while a run is followed and its panel is open', async () => {
    const api = await activated();
    const itself = identityOf(process.pid);
    const dir = writeRun(inWorkspace('runs'), { id: '20260103-000000-followed', name: 'followed', state: 'running', step: 6, total: 9, process: itself });
    const timers = watchTimers();
    try {
      await until('the run in the list', () => api.runs().some(({ summary }) => summary.dir === dir));
      await Promise.all([1, 2, 3].map(() => vscode.commands.executeCommand('minillm.openPanel', { dir })));
      const panels = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes('minillm.run'));
      assert.equal(panels.length, 1, 'a run has one panel, however often it is asked for');
      await until('timers of the extension', () => timers.pending.size > 0);
      assert.deepEqual(api.end(), []);
      // What was being read comes to its end, and must not set out again.
      await sleep(1500);
      assert.deepEqual([...timers.pending.values()], []);
    } finally {
      timers.stop();
    }
    const commands = (await vscode.commands.getCommands(true)).filter((id) => id.startsWith('minillm.') && !id.startsWith('minillm.runs.'));
    assert.deepEqual(commands, []);
    await assert.rejects(Promise.resolve(vscode.workspace.fs.stat(vscode.Uri.parse('minillm:/x'))), /ENOPRO/);
  });
});
