/** URLs of the drop-in faces: what the caller means, and where that lies on a road. */
import type { Road } from '../core/road'

/** A place on a road. The whole URL is `road.url + path`. */
export interface Place {
  readonly road: Road
  /** Path and query. */
  readonly path: string
}

/**
 * What the caller means. `/api` is a path below the base path of the dedicated hostname (`/api` under `https://h/base`
 * is `https://h/base/api`); `api` and `?x=1` are relative to it; anything with a scheme is taken as it is.
 *
 * @throws TypeError when it is no URL.
 */
export function resolveUrl(input: string | URL, base: URL): URL {
  if (typeof input !== 'string') return new URL(input.href)
  const text = input.trim()
  if (/^[a-z][a-z\d+.-]*:/i.test(text)) return new URL(text)
  const folder = `${base.origin}${basePath(base)}`
  if (text.startsWith('/') && !/^\/[/\\]/.test(text)) return new URL(folder + text)
  return new URL(text, `${folder}/`)
}

/**
 * Where a known URL lies on this road: what is below its home (the dedicated hostname or an endpoint, with its base
 * path) moves below the road's base path. A path outside of that stays as it is.
 */
export function placeOnRoad(url: URL, home: URL, road: Road): Place {
  const inside = below(basePath(home), url.pathname)
  return place(url, inside === undefined ? url.pathname : basePath(new URL(road.url)) + inside, road)
}

/** Where a redirect leads on the road it came from: a server that names its own origin means just that place. */
export function placeHop(url: URL, home: URL, road: Road): Place {
  return originOf(url) === new URL(road.url).origin ? place(url, url.pathname, road) : placeOnRoad(url, home, road)
}

/** The nearest of these that the URL lies below, the first where two are equal. */
export function nearestHome(url: URL, homes: readonly URL[]): URL | undefined {
  let nearest: URL | undefined
  for (const home of homes) {
    if (home.origin !== originOf(url) || below(basePath(home), url.pathname) === undefined) continue
    if (nearest === undefined || basePath(home).length > basePath(nearest).length) nearest = home
  }
  return nearest
}

function place(url: URL, path: string, road: Road): Place {
  const target = new URL(road.url)
  const rest = below(basePath(target), path)
  if (rest === undefined) return { road: { ...road, url: target.origin }, path: path + url.search }
  return { road, path: rest + url.search }
}

/** A road to a host that is none of ours: as it is, on nobody's verdict. */
export function foreignRoad(url: URL): Road {
  const origin = originOf(url)
  return { endpointId: `foreign ${origin}`, generation: 0, url: origin }
}

/** The http or https origin of a URL that may be ws or wss. */
export function originOf(url: URL): string {
  return url.protocol === 'ws:' || url.protocol === 'wss:' ? `http${url.origin.slice(2)}` : url.origin
}

function basePath(url: URL): string {
  return url.pathname.replace(/\/+$/, '')
}

/** The rest of `path` below `folder`, with its slash; nothing when it lies elsewhere. */
function below(folder: string, path: string): string | undefined {
  if (folder === '') return path
  if (path === folder) return ''
  return path.startsWith(`${folder}/`) ? path.slice(folder.length) : undefined
}
