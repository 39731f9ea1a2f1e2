import assert from 'node:assert/strict';
import { cpSync, renameSync } from 'node:fs';
import path from 'node:path';
import type * as vscode from 'vscode';
import { TravelSession } from '../../src/editor/travel/session';
import { RunRegistry } from '../../src/editor/runs/registry';
import type { TravelState, TravelView } from '../../src/protocol/timeTravel';
import { repo, temporaryFolder } from '../harness/paths';
import { extension, until } from './api';
import { PageOfTest } from './pageOfTest';

const dir = path.join(repo, 'test', 'fixtures', 'runs', '20261124-232620-pronounce');

/** A list of runs on a slow disk: what it is asked first, it answers when it is told to. */
class SlowRegistry extends RunRegistry {
  asked = 0;
  answerFirst = (): void => undefined;
  private readonly told = new Promise<void>((resolve) => { this.answerFirst = resolve; });

  override async checkpoints(of: string): ReturnType<RunRegistry['checkpoints']> {
    this.asked += 1;
    if (this.asked === 1) await this.told;
    return super.checkpoints(of);
  }
}

describe('time travel', () => {
  it('stays with the prompt that was chosen last, though an earlier choice is read later', async () => {
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const runs = new SlowRegistry(() => [], warn);
    const page = new PageOfTest();
    const view = (promptId: string): TravelView => ({ dir, promptId, draw: 0, checkpoint: null, pins: [] });
    const panel = page as unknown as vscode.WebviewPanel;
    const session = new TravelSession(panel, view('cough'), extension().extensionUri, runs, { keep: () => undefined }, warn);
    try {
      page.say({ type: 'ready' });
      await until('the first look at the run', () => runs.asked === 1);
      page.say({ type: 'view', view: view('naive') });
      await until('the prompt that was chosen last', () => page.told.some(({ state }) => state.promptId === 'naive'));
      runs.answerFirst();
      // A later question is answered after the earlier one.
      const before = page.told.length;
      await session.show({ ...view('naive'), draw: 1 });
      const [last] = page.told.slice(before).reverse();
      assert.deepEqual([...new Set(page.told.map(({ state }) => state.promptId))], ['naive'], 'the earlier choice was shown');
      assert.deepEqual([last?.state.promptId, last?.state.draw, last?.view.promptId, page.title], ['naive', 1, 'naive', 'Travel: naive']);
      assert.deepEqual(warnings, []);
      assert.ok((last?.state.moments.length ?? 0) > 0, last?.state.problem ?? '');
    } finally {
      session.dispose();
      runs.dispose();
    }
  });

  it('says that the folder of a run is gone, goes on with what it has read, and reads on once it is back', async () => {
    const own = path.join(temporaryFolder('travel'), path.basename(dir));
    cpSync(dir, own, { recursive: true });
    const runs = new RunRegistry(() => [], () => undefined);
    const view: TravelView = { dir: own, promptId: 'cough', draw: 0, checkpoint: null, pins: [] };
    const open = (): { page: PageOfTest; session: TravelSession } => {
      const page = new PageOfTest();
      const panel = page as unknown as vscode.WebviewPanel;
      const session = new TravelSession(panel, view, extension().extensionUri, runs, { keep: () => undefined }, () => undefined);
      page.say({ type: 'ready' });
      return { page, session };
    };
    const told = async ({ page }: { page: PageOfTest }, problem: string | null): Promise<TravelState> =>
      until(String(problem), () => page.told.at(-1)?.state.problem === problem && page.told.at(-1)?.state);
    const gone = `This run's folder is gone: put it back to ${own} to see it again.`;
    const early = open();
    const before = await told(early, null);
    renameSync(own, `${own}-away`);
    const late = open();
    try {
      assert.deepEqual(await told(early, gone), { ...before, problem: gone });
      assert.deepEqual((await told(late, gone)).moments, []);
      renameSync(`${own}-away`, own);
      for (const one of [early, late]) assert.deepEqual(await told(one, null), before);
    } finally {
      for (const { session } of [early, late]) session.dispose();
      runs.dispose();
    }
  });
});
