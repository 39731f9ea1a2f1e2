import * as vscode from 'vscode';
import type { TravelMessage, TravelToHost } from '../../src/protocol/timeTravel';

/** A panel of time travel whose page is a test: it says what the page would, and keeps what the page is told. */
export class PageOfTest {
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
