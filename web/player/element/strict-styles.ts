/**
 * Lets media-chrome's elements keep their looks in a page whose Content Security Policy allows no inline
 * styles: what stands in their `<style>` tags becomes constructed style sheets, which no policy forbids.
 */

/** A type that no browser applies, and no policy looks at. */
const INERT = "text/adopted";

/** To be called before the first of the elements called `names` is constructed. */
export function adoptStylesOf(names: readonly string[]): void {
  for (const prototype of new Set(names.map(basePrototype))) {
    if (prototype === null) continue;
    Object.defineProperty(prototype, "attachShadow", { value: attachStyled, configurable: true });
  }
}

/** Of the class that builds the shadow tree of the element called `name`. */
function basePrototype(name: string): HTMLElement | null {
  let base = customElements.get(name)?.prototype as HTMLElement | undefined;
  if (base === undefined) return null;
  for (;;) {
    const next = Object.getPrototypeOf(base) as HTMLElement;
    if (next === HTMLElement.prototype) return base;
    base = next;
  }
}

function attachStyled(this: HTMLElement, init: ShadowRootInit): ShadowRoot {
  const root = HTMLElement.prototype.attachShadow.call(this, init);
  const fillRoot = (html: string) => fill(root, html);
  Object.defineProperty(root, "innerHTML", { set: fillRoot, configurable: true });
  Object.defineProperty(root, "setHTMLUnsafe", { value: fillRoot, configurable: true });
  return root;
}

function fill(root: ShadowRoot, html: string): void {
  const template = document.createElement("template");
  template.innerHTML = html;
  const sheets = Array.from(template.content.querySelectorAll("style"), adopt);
  root.replaceChildren(document.importNode(template.content, true));
  // The elements find the rules that they change by the tag these stood in.
  for (const [index, tag] of root.querySelectorAll(`style[type="${INERT}"]`).entries()) {
    Object.defineProperty(tag, "sheet", { value: sheets[index] });
  }
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets];
}

function adopt(style: HTMLStyleElement): CSSStyleSheet {
  const sheet = new CSSStyleSheet({ media: style.media });
  sheet.replaceSync(style.textContent);
  style.textContent = "";
  style.type = INERT;
  return sheet;
}
