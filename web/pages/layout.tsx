/**
 * The frame of every page.
 */
import type { PropsWithChildren } from "hono/jsx";

export type LayoutProps = PropsWithChildren<{
  readonly title: string;
  readonly stylesheet: string;
  /** A module the page runs. */
  readonly script?: string;
}>;

export function Layout({ title, stylesheet, script, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="stylesheet" href={stylesheet} />
        <link rel="icon" href="data:," />
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
