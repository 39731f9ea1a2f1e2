/* The one place that knows the toolkit of controls; it is no longer maintained, so that everything else speaks to this module. */
import { provideVSCodeDesignSystem, vsCodeButton, vsCodeCheckbox, vsCodeDropdown, vsCodeOption } from '@vscode/webview-ui-toolkit';
import { h, setAttribute, setChildren } from './dom';

let registered = false;

/** Defines the elements. Before this they are unknown tags. */
export function registerControls(): void {
  if (registered) return;
  registered = true;
  provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeDropdown(), vsCodeOption(), vsCodeCheckbox());
}

function make(tag: string): HTMLElement {
  return document.createElement(tag);
}

export interface Button {
  readonly element: HTMLElement;
  /** With a reason the button stays in reach of the keyboard, tells why it does nothing, and does nothing. */
  setReason(reason: string | null): void;
}

export function button(label: string, press: () => void, look: 'primary' | 'secondary' = 'secondary'): Button {
  const element = make('vscode-button');
  element.setAttribute('appearance', look);
  element.textContent = label;
  let blocked: string | null = null;
  element.addEventListener('click', () => {
    if (blocked === null) press();
  });
  return {
    element,
    setReason(reason) {
      blocked = reason;
      setAttribute(element, 'aria-disabled', reason === null ? null : 'true');
      setAttribute(element, 'title', reason);
      setAttribute(element, 'aria-label', reason === null ? null : `${label}: not now. ${reason}`);
    },
  };
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface Dropdown {
  readonly element: HTMLElement;
  set(choices: readonly Choice[], value: string): void;
}

/** The toolkit's dropdown does not follow `label for`: its name is given to it. */
export function dropdown(label: string, choose: (value: string) => void): Dropdown {
  const element = make('vscode-dropdown') as HTMLElement & { value: string };
  element.setAttribute('aria-label', label);
  let shown = '';
  element.addEventListener('change', () => choose(element.value));
  return {
    element,
    set(choices, value) {
      const key = JSON.stringify(choices);
      if (key !== shown) {
        shown = key;
        setChildren(element, choices.map((choice) => {
          const option = make('vscode-option');
          option.setAttribute('value', choice.value);
          option.textContent = choice.label;
          return option;
        }));
      }
      // The list takes its options in only after this turn; a value set before then is lost.
      requestAnimationFrame(() => {
        if (element.value !== value) element.value = value;
      });
    },
  };
}

export interface Checkbox {
  readonly element: HTMLElement;
  set(checked: boolean): void;
}

export function checkbox(label: string, toggle: (checked: boolean) => void, visibleLabel = true): Checkbox {
  const element = make('vscode-checkbox') as HTMLElement & { checked: boolean };
  if (visibleLabel) element.textContent = label;
  else element.setAttribute('aria-label', label);
  let setting = false;
  element.addEventListener('change', () => {
    if (!setting) toggle(element.checked);
  });
  return {
    element,
    set(checked) {
      if (element.checked === checked) return;
      setting = true;
      element.checked = checked;
      setting = false;
    },
  };
}

/** A range of numbers; the toolkit has none, the browser's own takes the theme's colour. */
export function slider(label: string, max: number, step: number, change: (value: number) => void): HTMLInputElement {
  const element = h('input', { type: 'range', class: 'slider', 'aria-label': label, min: 0, max, step });
  element.addEventListener('input', () => change(Number(element.value)));
  return element;
}
