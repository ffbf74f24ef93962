/**
 * Header values of the form `form-data; name="image"; filename=a.jpg`.
 */

export type HeaderValue = {
  /** What stands before the parameters, in lower case. */
  readonly value: string;
  /** By their names in lower case; of two with one name the first. */
  readonly parameters: ReadonlyMap<string, string>;
};

// A value without quotes ends at the next semicolon: senders leave blanks in it. No two neighbours
// match the same character, so no header makes this slow.
const PARAMETER = /;\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"\s*|([^\s;"][^;"]*)?)(?=;|$)/gs;

/**
 * `header` taken apart. Values are tokens or in quotes, with blanks round `=` and `;` allowed; what
 * is not a parameter is passed over.
 * @see RFC 9110 section 5.6.6, RFC 2045 section 5.1
 */
export function readHeaderValue(header: string): HeaderValue {
  const end = header.indexOf(";");
  const value = (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, bare = ""] of header.matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    const content = quoted?.replaceAll(/\\(.)/gs, "$1") ?? bare.trim();
    if (!parameters.has(key)) parameters.set(key, content);
  }
  return { value, parameters };
}
