import type { Terminal } from './terminal';

/** Lines at the bottom of the screen that are drawn over; what is printed meanwhile goes above them and stays. */
export class LiveRegion {
  private height = 0;
  private shown = '';

  constructor(private readonly terminal: Terminal) {
    terminal.write('\u001b[?25l'); // the cursor would jump about
  }

  /** Writes once per call, so that nothing flickers. */
  draw(lines: readonly string[], above: readonly string[] = []): void {
    const text = lines.map((line) => `${line}\n`).join('');
    if (text === this.shown && above.length === 0) return;
    this.terminal.write(`${this.erase()}${above.map((line) => `${line}\n`).join('')}${text}`);
    this.shown = text;
    this.height = lines.length;
  }

  /** Gives the screen back. What was drawn last stays. */
  close(): void {
    this.terminal.write('\u001b[?25h');
  }

  private erase(): string {
    // From the first column: the terminal itself may have written "^C".
    return this.height > 0 ? `\r\u001b[${this.height}A\u001b[J` : '';
  }
}
