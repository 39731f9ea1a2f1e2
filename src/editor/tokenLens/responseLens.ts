import * as vscode from 'vscode';
import { REFERENCE } from '../../rundir/sides';
import { hasTokens } from '../../rundir/tokens';
import { layOutSamples } from '../../samples/document';
import { Disposable } from '../disposable';
import { parseSamplesUri } from '../samples/address';
import type { KnownSides } from '../samples/sides';

/** Above each response of a samples document: the ways to its tokens and to what became of it. */
export class ResponseCodeLens extends Disposable implements vscode.CodeLensProvider {
  constructor(private readonly sides: KnownSides) {
    super();
    this.register(vscode.languages.registerCodeLensProvider({ scheme: 'minillm', language: 'minillm-samples' }, this));
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const address = parseSamplesUri(document.uri);
    if (!address || address.checkpoint === REFERENCE.name) return [];
    const { dir, checkpoint } = address;
    const samples = await this.sides.samplesAt(address);
    const detailed = await hasTokens(dir, checkpoint);
    return layOutSamples(samples).places.flatMap(({ line, sample }) => {
      const range = new vscode.Range(line, 0, line, 0);
      const given = { dir, checkpoint, promptId: sample.promptId, draw: sample.draw };
      return [
        ...(detailed ? [new vscode.CodeLens(range, { title: 'Tokens', command: 'minillm.inspectTokens', arguments: [given] })] : []),
        ...(checkpoint === 'teacher' ? [] : [new vscode.CodeLens(range, { title: 'Travel', command: 'minillm.openTimeTravel', arguments: [given] })]),
      ];
    });
  }
}
