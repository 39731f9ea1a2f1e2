// What the extension host's tests share: the extension under test, and waiting for what comes when it comes.
import assert from 'node:assert/strict';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { Api } from '../../src/extension';

export const ID = 'minillm.minillm';

export function extension(): vscode.Extension<Api> {
  const found = vscode.extensions.getExtension<Api>(ID);
  assert.ok(found, `the extension ${ID} is not there`);
  return found;
}

export async function activated(): Promise<Api> {
  const api = await extension().activate();
  await api.ready;
  return api;
}

/** The folder that is open. */
export function workspace(): string {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder, 'no folder is open');
  return folder.uri.fsPath;
}

export function inWorkspace(...parts: string[]): string {
  return path.join(workspace(), ...parts);
}

type Asked<T> = T | undefined | false;

/** Asks again until there is an answer; says what it waited for when there is none in time. */
export async function until<T>(what: string, ask: () => Asked<T> | Promise<Asked<T>>, milliseconds = 20_000): Promise<T> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    assert.ok(Date.now() < deadline, `waited ${milliseconds / 1000} s in vain for ${what}`);
    await sleep(50);
  }
}

export async function useTestPython(python: string): Promise<void> {
  await vscode.workspace.getConfiguration('minillm').update('pythonPath', python, vscode.ConfigurationTarget.Workspace);
}
