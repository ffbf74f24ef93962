/**
 * Lets media-chrome's elements keep their looks in a page whose Content Security Policy allows no inline
 * styles: what stands in their `<style>` tags becomes constructed style sheets, which no policy forbids.
 */
import { trustedHtml } from "./trusted-html.ts";

/** An element of this namespace is called as another, and does nothing. */
const INERT = "urn:sluice:inert";

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
  template.innerHTML = trustedHtml(html);
  // Imported first, for what it holds to come alive; connected last, for no policy to look at it.
  const content = document.importNode(template.content, true);
  const sheets = Array.from(content.querySelectorAll("style"), adopt);
  root.replaceChildren(content);
  root.adoptedStyleSheets = [HIDDEN, ...root.adoptedStyleSheets, ...sheets];
}

const HIDDEN = new CSSStyleSheet();
// A slot has no box; what looks at boxes, as tests of accessibility do, takes what it holds for shown.
HIDDEN.replaceSync("style, slot[hidden] > * { display: none !important }");

/**
 * The elements find the rules that they change by a tag called `style`, and turn some off by its `media`:
 * one stays, without a text.
 */
function adopt(style: HTMLStyleElement): CSSStyleSheet {
  const sheet = new CSSStyleSheet({ media: style.media });
  sheet.replaceSync(style.textContent);
  const tag = document.createElementNS(INERT, "style");
  for (const { name, value } of style.attributes) tag.setAttribute(name, value);
  const setAttribute = (name: string, value: string) => {
    Element.prototype.setAttribute.call(tag, name, value);
    if (name === "media") sheet.media.mediaText = value;
  };
  Object.defineProperties(tag, { sheet: { value: sheet }, setAttribute: { value: setAttribute } });
  style.replaceWith(tag);
  return sheet;
}
