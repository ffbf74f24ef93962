import { expectTypeOf, test } from "vitest";
import type { SluicePlayer as Element } from "../element/sluice-player.ts";
import type { Screen as RealScreen } from "../watching/watch-screen.ts";
import type { Screen, SluicePlayer } from "./sluice-player.d.ts";

type Own<Type> = Omit<Type, keyof HTMLElement>;
type Callbacks =
  | "connectedCallback"
  | "disconnectedCallback"
  | "attributeChangedCallback";

test("what the package declares is what the element has", () => {
  expectTypeOf<Omit<Own<Element>, Callbacks>>().toEqualTypeOf<Own<SluicePlayer>>();
  expectTypeOf<RealScreen>().toEqualTypeOf<Screen>();
});
