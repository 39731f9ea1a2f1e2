import * as vscode from 'vscode';

/** A hover or tooltip in which what models and files say is text, and only this extension's own words are markup. */
export class TextSheet {
  readonly markdown = new vscode.MarkdownString('', false);

  constructor() {
    this.markdown.isTrusted = false;
    this.markdown.supportHtml = false;
  }

  /** Markup of our own. */
  markup(text: string): this {
    this.markdown.appendMarkdown(text);
    return this;
  }

  text(text: string): this {
    // The editor escapes markup and leaves entities, which would be read as what they stand for.
    this.markdown.appendText(text.replaceAll('&', '&amp;'));
    return this;
  }

  /** A row of a table; a bar would end its cell. */
  row(...cells: readonly string[]): this {
    for (const cell of cells) this.markup('| ').text(cell.replaceAll('|', '¦')).markup(' ');
    return this.markup('|\n');
  }
}
