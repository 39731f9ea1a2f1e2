import assert from 'node:assert/strict';
import path from 'node:path';
import * as vscode from 'vscode';
import { TravelSession } from '../../src/editor/travel/session';
import { RunRegistry } from '../../src/editor/runs/registry';
import type { TravelMessage, TravelToHost, TravelView } from '../../src/protocol/timeTravel';
import { repo } from '../harness/paths';
import { extension, until } from './api';

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

/** A panel whose page is this test: it says what the page would, and keeps what the page is told. */
class PageOfTest {
  readonly told: TravelMessage[] = [];
  private readonly said = new vscode.EventEmitter<TravelToHost>();
  readonly visible = true;
  title = '';
  readonly onDidChangeViewState = new vscode.EventEmitter().event;
  readonly webview = {
    html: '', cspSource: '', onDidReceiveMessage: this.said.event, asWebviewUri: (uri: vscode.Uri) => uri,
    postMessage: (message: TravelMessage) => Promise.resolve(this.told.push(message) > 0),
  };

  say(message: TravelToHost): void {
    this.said.fire(message);
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
});
