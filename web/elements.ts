/**
 * The player's element as hono's JSX sees it.
 */
import "hono/jsx";

export type ElementProps = Readonly<Record<string, unknown>>;

declare module "hono/jsx" {
  namespace JSX {
    interface IntrinsicElements {
      "sluice-player": ElementProps;
    }
  }
}
