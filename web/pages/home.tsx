/**
 * The home page: what is live, and where the API is explained.
 */
import type { Video } from "../api-client.ts";
import { Layout } from "./layout.tsx";

export type HomeProps = { readonly stylesheet: string; readonly live: readonly Video[] };

export function HomePage({ stylesheet, live }: HomeProps) {
  return (
    <Layout title="Sluice" stylesheet={stylesheet}>
      <main>
        <h1>Live now</h1>
        {live.length === 0
          ? <p class="quiet">Nobody is live. A broadcast appears here when it begins.</p>
          : (
            <ul class="videos">
              {live.map((video) => (
                <li class="card">
                  <a href={`/watch/${video.url}`}>{video.title}</a>
                </li>
              ))}
            </ul>
          )}
        <p>
          <a href="/docs">API reference</a> · <a href="/openapi.json">OpenAPI document</a>
        </p>
      </main>
    </Layout>
  );
}
