/**
 * `<sluice-player>` in React's JSX. Events are heard as `onlive`, `onbehind`, …: the name as it is.
 */
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type {
  SluicePlayer,
  SluicePlayerAttributes,
  SluicePlayerEventMap,
} from "./sluice-player.d.ts";

export type * from "./sluice-player.d.ts";

type Listeners = {
  readonly [Name in keyof SluicePlayerEventMap as `on${Name}`]?: (
    event: SluicePlayerEventMap[Name],
  ) => void;
};

export type SluicePlayerProps =
  & DetailedHTMLProps<HTMLAttributes<SluicePlayer>, SluicePlayer>
  & SluicePlayerAttributes
  & Listeners;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "sluice-player": SluicePlayerProps;
    }
  }
}
