/* Making elements without markup: text stays text, whatever a model wrote. */

type Child = Node | string | null | undefined;

type Attributes = Readonly<Record<string, string | number | boolean | null>>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A plain button of the page's own, for places where the toolkit's would be too large. */
export function smallButton(className: string, press: () => void, ...children: Child[]): HTMLButtonElement {
  const element = h('button', { type: 'button', class: className }, ...children);
  element.addEventListener('click', press);
  return element;
}

/** Sets, or removes for null, and leaves alone what is already so: an untouched tree costs no layout and interrupts no reader. */
export function setAttribute(element: Element, name: string, value: string | number | boolean | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes `parent` hold exactly `children`, moving only what is not in place: focus and scrolling stay. */
export function setChildren(parent: Element, children: readonly Node[]): void {
  const wanted = new Set(children);
  // First what goes: what stays behind it is then in place, and an element that is moved would lose the focus.
  for (const old of [...parent.childNodes]) if (!wanted.has(old)) old.remove();
  let next = parent.firstChild;
  for (const child of children) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag: string, attributes: Readonly<Record<string, string | number>>, ...children: SVGElement[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}
