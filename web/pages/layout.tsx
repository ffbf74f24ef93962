/**
 * The frame of every page.
 */
import type { Child, PropsWithChildren } from "hono/jsx";

export type LayoutProps = PropsWithChildren<{
  readonly title: string;
  /** BCP 47. */
  readonly language: string;
  readonly stylesheet: string;
  /** What the head says beyond that. */
  readonly head?: Child;
  /** A module the page runs. */
  readonly script?: string;
  /** What the page is sure to ask for first, by a script that asks for what comes after it. */
  readonly prefetch?: Prefetch | null;
}>;

export type Prefetch = {
  readonly url: string;
  readonly script: string;
  /** Asked for at once, with all that they import. */
  readonly modules: readonly string[];
};

export function Layout(props: LayoutProps) {
  const { title, language, stylesheet, head = null, script, prefetch = null, children } = props;
  return (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        {head}
        <link rel="stylesheet" href={stylesheet} />
        <link rel="icon" href="data:," />
        {prefetch === null ? null : (
          <>
            <link
              rel="preload"
              as="fetch"
              href={prefetch.url}
              crossorigin="anonymous"
              data-prefetch
            />
            <script type="module" async src={prefetch.script}></script>
            {prefetch.modules.map((href) => <link rel="modulepreload" href={href} />)}
          </>
        )}
        {script === undefined ? null : <script type="module" src={script}></script>}
      </head>
      <body>
        <header>
          <a href="/">Sluice</a>
        </header>
        {children}
      </body>
    </html>
  );
}
