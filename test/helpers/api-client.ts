/**
 * One user of the HTTP API in end-to-end tests: JSON in, JSON out, bearer token kept.
 */

export type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T };

export type TestUser = {
  readonly username: string;
  readonly call: <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<Answer<T>>;
  /** The file at a URL of the API. */
  readonly fetchFile: (url: string) => Promise<Response>;
};

/** Calls `path` of the API at `base` and reads the JSON body (undefined when there is none). */
export async function callApi<T>(
  base: string,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly token?: string } = {},
): Promise<Answer<T>> {
  const isForm = options.body instanceof FormData;
  const headers = new Headers();
  if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
  if (options.body !== undefined && !isForm) headers.set("content-type", "application/json");
  const response = await fetch(new URL(path, base), {
    method,
    headers,
    body: options.body instanceof FormData
      ? options.body
      : options.body === undefined
      ? undefined
      : JSON.stringify(options.body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? undefined : JSON.parse(text)) as T,
  };
}

/** Signs a new user up and in. */
export async function createUser(base: string, username: string): Promise<TestUser> {
  const password = `${username}-password`;
  const signup = await callApi(base, "POST", "/auth/signup", { body: { username, password } });
  if (signup.status !== 201) throw new Error(`signup: ${signup.status}`);
  const login = await callApi<{ accessToken: string }>(base, "POST", "/auth/login", {
    body: { username, password },
  });
  if (login.status !== 201) throw new Error(`login: ${login.status}`);
  const token = login.body.accessToken;
  return {
    username,
    call: (method, path, body) => callApi(base, method, path, { body, token }),
    fetchFile: (url) => fetch(url, { headers: { authorization: `Bearer ${token}` } }),
  };
}
