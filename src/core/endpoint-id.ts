/**
 * The stable id of an endpoint: its normalised base URL, plus the configured address where there is one, because two
 * roads with one name and two addresses are two endpoints. Normalising a URL needs the URL class, which core has not:
 * see `client/urls.ts`.
 */

/** `https://srv1.contoso.com`, `https://a365web1.contoso.com/base#10.0.0.2`. `url` is already normalised. */
export function endpointId(url: string, address?: string): string {
  // A base URL never has a fragment, so the mark cannot be taken for a part of it.
  return address === undefined ? url : `${url}#${address}`
}
