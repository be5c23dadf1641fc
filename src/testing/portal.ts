/** The foreign page of a captive network: it answers whatever is asked, and is none of the servers. */
import type { Host } from './network'

const PAGE = '<!doctype html><title>Welcome</title><p>Please accept our terms to use this network.</p>'

export function captivePortal(): Host {
  return {
    name: 'portal',
    isCutOff: false,
    isListening: true,
    accept: (end) => ({
      data: (segment) => {
        if (segment.is === 'client-hello') end.send({ is: 'server-hello' })
        if (segment.is !== 'request' && segment.is !== 'upgrade') return
        end.send({ is: 'response', status: 200, headers: { 'Content-Type': 'text/html' }, text: PAGE, isWhole: true })
      },
      ended: () => undefined,
    }),
  }
}
