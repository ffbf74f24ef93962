/**
 * media-chrome's elements as hono's JSX sees them.
 */
import "hono/jsx";

export type ElementProps = Readonly<Record<string, unknown>>;

declare module "hono/jsx" {
  namespace JSX {
    interface IntrinsicElements {
      "media-controller": ElementProps;
      "media-control-bar": ElementProps;
      "media-fullscreen-button": ElementProps;
      "media-loading-indicator": ElementProps;
      "media-mute-button": ElementProps;
      "media-play-button": ElementProps;
      "media-time-display": ElementProps;
      "media-time-range": ElementProps;
      "media-volume-range": ElementProps;
    }
  }
}
