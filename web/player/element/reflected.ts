/**
 * Properties that stand for attributes: frameworks set the one or the other.
 */

const TEXTS = ["src", "latency", "poster", "storyboard", "status", "start"] as const;
const FLAGS = ["autoplay", "muted", "controls", "loop"] as const;

/** What they are on an element. */
export type Reflected =
  & { [Name in (typeof TEXTS)[number]]: string | null }
  & { [Name in (typeof FLAGS)[number]]: boolean };

/** Defines them on an element's class. */
export function reflectAttributes(prototype: HTMLElement): void {
  for (const name of TEXTS) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: HTMLElement) {
        return this.getAttribute(name);
      },
      set(this: HTMLElement, value: string | number | null | undefined) {
        if (value === null || value === undefined) this.removeAttribute(name);
        else this.setAttribute(name, String(value));
      },
    });
  }
  for (const name of FLAGS) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: HTMLElement) {
        return this.hasAttribute(name);
      },
      set(this: HTMLElement, value: unknown) {
        this.toggleAttribute(name, Boolean(value));
      },
    });
  }
}

/** What was set on `element` before its class was there. */
export function takeEarlyProperties(element: HTMLElement): void {
  for (const name of [...TEXTS, ...FLAGS]) {
    if (!Object.hasOwn(element, name)) continue;
    const early = element as unknown as Record<string, unknown>;
    const value = early[name];
    delete early[name];
    early[name] = value;
  }
}
