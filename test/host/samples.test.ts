import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { parseSamplesUri, samplesUri } from '../../src/editor/samples/address';
import { activated, inWorkspace, until } from './api';
import { checkpointName, writeRun } from './runFolder';

const answers = { 50: { distill: 'D IH S T AH L', laughter: 'L AE F T ER' }, 100: { distill: 'D IH S T IH L', laughter: 'L AE F T ER' } };

describe('samples', () => {
  let dir: string;

  before(async () => {
    const api = await activated();
    dir = writeRun(inWorkspace('runs'), { id: '20260102-030405-samples', name: 'samples', state: 'finished', step: 100, total: 100, answers });
    await until('the run', () => api.runs().some(({ summary }) => summary.dir === dir));
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(dir, { recursive: true });
  });

  const uri = (step: number, promptId?: string): vscode.Uri => samplesUri({ dir, checkpoint: checkpointName(step), promptId });

  it('have addresses that come back as they went', () => {
    for (const promptId of [undefined, 'distill', 'a/b c?#%', '../../etc', 'ü\u202e']) {
      const back = parseSamplesUri(vscode.Uri.parse(uri(50, promptId).toString()));
      assert.deepEqual(back, { dir, checkpoint: checkpointName(50), ...(promptId === undefined ? {} : { promptId }) });
    }
    const other = { dir: `${dir}-2`, checkpoint: checkpointName(50), promptId: 'a&b', shownIn: dir };
    assert.deepEqual(parseSamplesUri(vscode.Uri.parse(samplesUri(other).toString())), other);
    assert.equal(samplesUri(other).path, uri(50, 'a&b').path, 'both sides have one path');
    const name = checkpointName(50);
    for (const other of ['minillm:/etc/passwd', `minillm:/etc/passwd.minillm?${name}`, `minillm:${dir}/run.json?${name}`, `minillm:${dir}/x.minillm?../${name}`, `minillm:${dir}/x.minillm?${name}&%25E0`, `minillm:${dir}/x.minillm?${name}&a&${encodeURIComponent('/etc')}`, `minillm:${dir}/x.minillm?${name}&a&${encodeURIComponent(`${dir}/../../x`)}`]) {
      assert.equal(parseSamplesUri(vscode.Uri.parse(other)), undefined, other);
    }
  });

  it('are documents that can be read and not written', async () => {
    const document = await vscode.workspace.openTextDocument(uri(50));
    assert.match(document.getText(), /d i s t i l l :/);
    assert.match(document.getText(), /D IH S T AH L/);
    assert.equal(document.languageId, 'minillm-samples');
    assert.equal(vscode.workspace.fs.isWritableFileSystem('minillm'), false);
    await assert.rejects(Promise.resolve(vscode.workspace.fs.writeFile(uri(50), Buffer.from('x'))));
    await assert.rejects(Promise.resolve(vscode.workspace.fs.delete(uri(50))));
    await assert.rejects(Promise.resolve(vscode.workspace.fs.readFile(uri(75))), (error) => error instanceof vscode.FileSystemError && error.code === 'FileNotFound');
  });

  it('of two checkpoints are compared in the editor\'s own diff, the older one on the left', async () => {
    await vscode.commands.executeCommand('minillm.compareSamples', { dir, from: checkpointName(50), to: checkpointName(100) });
    const tab = await until('the diff', () => vscode.window.tabGroups.activeTabGroup.activeTab);
    assert.ok(tab.input instanceof vscode.TabInputTextDiff);
    assert.equal(tab.input.original.toString(), uri(50).toString());
    assert.equal(tab.input.modified.toString(), uri(100).toString());
    assert.equal(tab.label, 'samples: step 50 ↔ step 100');
  });

  it('of two selected checkpoints are compared whichever was clicked first', async () => {
    const nodes = [100, 50].map((step) => ({ kind: 'checkpoint', dir, checkpoint: checkpointName(step) }));
    await vscode.commands.executeCommand('minillm.compareSamples', nodes[0], nodes);
    const tab = await until('the diff', () => vscode.window.tabGroups.activeTabGroup.activeTab);
    assert.ok(tab.input instanceof vscode.TabInputTextDiff);
    assert.equal(tab.input.original.toString(), uri(50).toString());
  });

  it('can be compared prompt by prompt: only those that differ', async () => {
    await vscode.commands.executeCommand('minillm.compareEachSample', { dir, from: checkpointName(50), to: checkpointName(100) });
    const tab = await until('the set', () => {
      const { activeTab } = vscode.window.tabGroups.activeTabGroup;
      return activeTab?.label.includes('answers that differ') === true && activeTab;
    });
    assert.match(tab.label, /^samples: step 50 ↔ step 100/);
    const addresses = (): (string | undefined)[] => vscode.workspace.textDocuments.map(({ uri: one }) => parseSamplesUri(one)?.promptId);
    const sides = (promptId: string): number => addresses().filter((one) => one === promptId).length;
    await until('both sides', () => sides('distill') === 2);
    assert.equal(sides('laughter'), 0);
  });

  it('stay as they are while a run goes on: no document tells of a change that is none', async () => {
    const changed: string[] = [];
    const listening = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (document.uri.scheme === 'minillm') changed.push(`${document.uri.toString()} (${contentChanges.length})`);
    });
    try {
      const reference = samplesUri({ dir, checkpoint: 'reference', promptId: undefined });
      const documents = [uri(50), uri(100), uri(100, 'distill'), reference];
      for (const one of documents) await vscode.window.showTextDocument(one, { preview: false });
      const textOf = async (one: vscode.Uri): Promise<string> => Buffer.from(await vscode.workspace.fs.readFile(one)).toString();
      const read = (): Promise<string[]> => Promise.all(documents.map(textOf));
      const before = await read();
      // Another checkpoint comes, with other answers, and the folder and the old files are touched.
      writeRun(inWorkspace('runs'), {
        id: path.basename(dir), name: 'samples', state: 'finished', step: 150, total: 150, answers: { ...answers, 150: answers[50] },
      });
      await until('the checkpoint', async () => vscode.workspace.fs.readFile(uri(150)).then(() => true, () => false));
      assert.deepEqual(await read(), before);
      for (const one of [uri(50), reference]) {
        await vscode.window.showTextDocument(one);
        await vscode.commands.executeCommand('workbench.action.files.revert'); // reads it anew
      }
      await sleep(500);
      assert.deepEqual(changed, []);
    } finally {
      listening.dispose();
    }
  });
});
