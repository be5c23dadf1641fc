/**
 * One attempt of a routed call at one endpoint: the token, the request, a refused token asked anew once, and the
 * redirects. To the machine all of it is one attempt with one outcome.
 */
import type { NetworkFailure } from '../core/road'
import { discardResponse } from '../platform/fetch-exchange'
import type { Cancel, FetchOutcome } from '../platform/platform'
import { isStream, NO_BODY } from './body'
import type { PreparedBody } from './body'
import type { FetchCall } from './fetch-call'
import { tokenFailed } from './fetch-errors'
import { placeHop, placeOnRoad } from './fetch-url'
import { decideRedirect, dropBodyHeaders, isRedirect, objectionTo, redirectRefused, routeHop } from './redirects'
import type { Route, Routing } from './routing'

export type AttemptOutcome =
  | { readonly type: 'response'; readonly response: Response }
  | { readonly type: 'failed'; readonly failure: NetworkFailure }
  /** Nothing another endpoint could do better: the caller gets this error. */
  | { readonly type: 'error'; readonly error: unknown }

/** What an attempt tells on its way to an outcome. */
export interface AttemptNews {
  /** Something goes to the network, or is about to be written. */
  sent(): void
  /** Proof that nothing has left yet: it waits for a connection. */
  waiting(): void
  /** A redirect leads to another endpoint, which is asked now. */
  redirected(route: Route): void
}

type TokenAnswer = { readonly token?: string } | { readonly error: unknown }

/** Nothing was executed, for nothing was sent, or it was refused: it goes elsewhere, free of charge, blaming nobody. */
const LEFT_UNASKED = { kind: 'aborted', sent: 'no', message: 'the endpoint does not serve any more' } as const

export class FetchAttempt {
  #method: string
  #body: PreparedBody
  #url: URL
  readonly #headers: Headers
  #token: string | undefined
  #wasRefused = false
  #followed = 0
  #cancel: Cancel = () => undefined
  /** Where it is: the route it was given, or where a redirect led. */
  #route: Route
  /** Waits for a token or is about to be discarded. */
  #held: Response | undefined

  constructor(
    private readonly routing: Routing,
    private readonly call: FetchCall,
    route: Route,
    private readonly signal: AbortSignal,
    private readonly news: AttemptNews,
    private readonly done: (outcome: AttemptOutcome) => void,
  ) {
    this.#route = route
    this.#method = call.method
    this.#body = call.body
    this.#url = call.url
    this.#headers = new Headers(call.headers)
  }

  start(): void {
    if (this.#headers.has('authorization')) this.#sendIfServed()
    else this.#askToken('connect', (answer) => this.#haveToken(answer))
  }

  /** Ends it; nothing of it calls back afterwards. */
  cancel(): void {
    this.#cancel()
    if (this.#held !== undefined) discardResponse(this.#held)
    this.#held = undefined
  }

  #askToken(reason: 'connect' | 'rejected', done: (answer: TokenAnswer) => void): void {
    let answered = false
    const { endpointId, server } = this.#route
    const cancel = this.routing.token({ reason, endpointId, server }, (answer) => {
      answered = true
      done(answer)
    })
    // One that answered at once has been followed by something else to cancel.
    if (!answered) this.#cancel = cancel
  }

  #haveToken(answer: TokenAnswer): void {
    if ('error' in answer) return this.done({ type: 'error', error: tokenFailed(answer.error) })
    this.#token = answer.token
    this.#sendIfServed()
  }

  /** Between the choice and this moment the server may have said that it does not serve any more. */
  #sendIfServed(): void {
    if (this.#mayStillAsk()) this.#send()
    else this.done({ type: 'failed', failure: LEFT_UNASKED })
  }

  #send(): void {
    const put = this.#followed === 0 ? placeOnRoad : placeHop
    const { road, path } = put(this.#url, this.routing.homeOf(this.#url), this.#route.road)
    const headers = this.#headers
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`)
    const { body } = this.#body
    const init: RequestInit = {
      ...this.call.rest,
      method: this.#method,
      headers,
      redirect: this.#redirectMode(),
      signal: this.signal,
      ...(body === null ? {} : { body }),
      ...(isStream(body) ? { duplex: 'half' } : {}),
    }
    const url = new URL(road.url + path)
    this.news.sent()
    const connectTimeoutMs = this.routing.connectTimeoutMs
    const waits = (isWaiting: boolean): void => this.#progressed(isWaiting)
    this.#cancel = this.routing.platform.fetch({ road, url: url.href, init, connectTimeoutMs, waits }, (outcome) =>
      this.#received(outcome, url),
    )
  }

  #redirectMode(): RequestRedirect {
    if (this.routing.platform.can.inspectRedirects) return 'manual'
    // A page that follows by itself would carry method and body of an unsafe request to wherever it is sent.
    return this.#isUnsafeInPage() ? 'manual' : this.call.redirect
  }

  #isUnsafeInPage(): boolean {
    const isSafe = this.#method === 'GET' || this.#method === 'HEAD'
    return !this.routing.platform.can.inspectRedirects && this.call.redirect === 'follow' && !isSafe
  }

  #progressed(isWaiting: boolean): void {
    // A hop was answered before: something of this call has arrived.
    if (isWaiting && this.#followed === 0) this.news.waiting()
    else this.news.sent()
  }

  #received(outcome: FetchOutcome, url: URL): void {
    if (!outcome.ok) {
      // A hop was answered before: something of this call has arrived.
      const failure = this.#followed > 0 ? { ...outcome.failure, sent: 'maybe' as const } : outcome.failure
      return this.done({ type: 'failed', failure })
    }
    const { response } = outcome
    const mayAskAnew = this.#token !== undefined && !this.#wasRefused && this.#body.replayable
    if (response.status === 401 && mayAskAnew) return this.#askTokenAnew(response)
    this.#followOrAnswer(response, url)
  }

  #askTokenAnew(response: Response): void {
    this.#wasRefused = true
    this.#held = response
    this.#askToken('rejected', (answer) => {
      const token = 'token' in answer ? answer.token : undefined
      this.#held = undefined
      // The refusal stands when there is nothing new to say.
      if (token === undefined || token === this.#token) return this.done({ type: 'response', response })
      discardResponse(response)
      this.#token = token
      this.#sendIfServed()
    })
  }

  /** Does the endpoint serve still? The provider may have taken its time. A hop is no endpoint's business. */
  #mayStillAsk(): boolean {
    return this.#followed > 0 || this.routing.serves(this.#route)
  }

  #followOrAnswer(response: Response, url: URL): void {
    if (!this.routing.platform.can.inspectRedirects) return this.#checkArrival(response, url)
    if (this.call.redirect === 'manual') return this.done({ type: 'response', response })
    if (this.call.redirect === 'error' && isRedirect(response.status)) {
      return this.#refuse(response, redirectRefused('the caller asked for none'))
    }
    const hop = {
      status: response.status,
      location: response.headers.get('location'),
      from: url,
      method: this.#method,
      followed: this.#followed,
      replayable: this.#body.replayable,
    }
    const decision = decideRedirect(hop, (to) => this.routing.knows(to))
    if (decision.type === 'answer') {
      // Each hop was a request of its own, of which the last was not redirected.
      if (this.#followed > 0) Object.defineProperty(response, 'redirected', { value: true })
      return this.done({ type: 'response', response })
    }
    if (decision.type === 'refuse') return this.#refuse(response, decision.error)
    const isSameMethod = decision.method === this.#method
    const next = routeHop(this.routing, this.#route, { from: url, to: decision.url, isSameMethod })
    if (next === undefined) return this.#refuse(response, redirectRefused('it leads back to what was just asked'))
    discardResponse(response)
    this.#followed += 1
    this.#url = decision.url
    this.#method = decision.method
    if (decision.dropBody) {
      this.#body = NO_BODY
      dropBodyHeaders(this.#headers)
    }
    this.#goOn(next)
  }

  /** The next hop; another endpoint has another token. */
  #goOn(next: Route): void {
    if (next.endpointId === this.#route.endpointId) return this.#send()
    this.#route = next
    this.news.redirected(next)
    if (this.call.headers.has('authorization')) return this.#send()
    this.#headers.delete('authorization')
    this.#wasRefused = false
    this.#askToken('connect', (answer) => this.#haveToken(answer))
  }

  /** Pages follow by themselves and show only where they arrived. */
  #checkArrival(response: Response, url: URL): void {
    if (response.type === 'opaqueredirect' && this.#isUnsafeInPage()) {
      return this.#refuse(response, redirectRefused(`a page cannot see where ${this.#method} would be sent`))
    }
    if (!response.redirected || response.url === '') return this.done({ type: 'response', response })
    const objection = objectionTo(new URL(response.url), url, (to) => this.routing.knows(to))
    if (objection !== undefined) return this.#refuse(response, redirectRefused(objection))
    this.done({ type: 'response', response })
  }

  #refuse(response: Response, error: TypeError): void {
    discardResponse(response)
    this.done({ type: 'error', error })
  }
}
