import * as vscode from 'vscode';
import { readSide, REFERENCE } from '../../rundir/sides';
import { hasTokens } from '../../rundir/tokens';
import { describeSample, layOutSamples } from '../../samples/document';
import { Disposable } from '../disposable';
import { parseSamplesUri } from '../samples/address';

/** Above each response of a samples document: its scores, and the ways to its tokens and to what became of it. */
export class ResponseCodeLens extends Disposable implements vscode.CodeLensProvider {
  constructor() {
    super();
    this.register(vscode.languages.registerCodeLensProvider({ scheme: 'minillm', language: 'minillm-samples' }, this));
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const address = parseSamplesUri(document.uri);
    if (!address || address.checkpoint === REFERENCE.name) return [];
    const { dir, checkpoint } = address;
    const samples = await readSide(dir, checkpoint);
    const wanted = address.promptId === undefined ? samples : samples.filter(({ promptId }) => promptId === address.promptId);
    const detailed = await hasTokens(dir, checkpoint);
    return layOutSamples(wanted).places.flatMap(({ line, sample }) => {
      const range = new vscode.Range(line, 0, line, 0);
      const given = { dir, checkpoint, promptId: sample.promptId, draw: sample.draw };
      return [
        new vscode.CodeLens(range, { title: describeSample(sample) || 'no tokens', command: '' }),
        ...(detailed ? [new vscode.CodeLens(range, { title: 'Tokens', command: 'minillm.inspectTokens', arguments: [given] })] : []),
        ...(checkpoint === 'teacher' ? [] : [new vscode.CodeLens(range, { title: 'Travel', command: 'minillm.openTimeTravel', arguments: [given] })]),
      ];
    });
  }
}
