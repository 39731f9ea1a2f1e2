/* The editor's colours, for what is painted on a canvas: a canvas inherits no styles. */

export interface Palette {
  readonly series: readonly string[];
  readonly text: string;
  readonly quiet: string;
  readonly grid: string;
  readonly background: string;
  readonly focus: string;
  readonly warning: string;
  readonly error: string;
  readonly font: string;
  readonly highContrast: boolean;
}

/** The second cue beside colour, in the same order. One more than there are colours: a seventh line has the first one's colour alone. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3], [5, 2, 1, 2, 1, 2], [12, 4], [1, 2, 7, 2]];

/**
 * Names of the theme colours of the first, second, … metric of a chart, or of the runs that are compared. Orange comes last: in most
 * themes it is nearly transparent.
 */
export const SERIES_COLORS = ['blue', 'yellow', 'green', 'purple', 'red', 'orange'] as const;

function read(): Palette {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string, fallback: string): string => style.getPropertyValue(`--vscode-${name}`).trim() || fallback;
  const text = color('editor-foreground', color('foreground', '#888'));
  const highContrast = document.body.classList.contains('vscode-high-contrast') || document.body.classList.contains('vscode-high-contrast-light');
  return {
    series: SERIES_COLORS.map((name) => color(`charts-${name}`, text)),
    text,
    quiet: highContrast ? text : color('descriptionForeground', text),
    grid: highContrast ? color('contrastBorder', text) : color('charts-lines', text),
    background: color('editor-background', '#fff'),
    focus: color('focusBorder', text),
    warning: color('charts-yellow', text),
    error: color('charts-red', text),
    font: `11px ${style.getPropertyValue('--vscode-font-family') || 'sans-serif'}`,
    highContrast,
  };
}

let current: Palette | undefined;

export function palette(): Palette {
  return (current ??= read());
}

/** Calls back once the editor has put another theme's colours in place. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(() => {
    current = undefined;
    listener();
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id', 'data-vscode-theme-kind'] });
}
