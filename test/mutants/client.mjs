// @ts-check
// The loop, the drivers, the client: what carries decisions out, and what is left when it is closed.

/** @type {readonly import('./index.mjs').Mutant[]} */
export const CLIENT = [
  {
    name: 'timer-left-alive',
    story: 'After close() a timer lives on, and a Node process does not end.',
    file: 'src/driver/loop.ts',
    find: '    this.#closed = true\n    this.#cancelTimer?.()',
    replace: '    this.#closed = true',
  },
  {
    name: 'own-pause-not-noticed',
    story: 'What was missed in a sleep is held against the servers, and what is overdue is sent.',
    file: 'src/driver/loop.ts',
    find: 'if (lateMs <= PAUSE_LIMIT_MS) return',
    replace: 'if (lateMs > 0 || lateMs <= 0) return',
  },
  {
    name: 'one-failure-ends-the-turn',
    story: 'Something throws inside the client, and the application gets an exception from a timer.',
    file: 'src/driver/loop.ts',
    find: '      turn(this.platform.now())\n    } catch (error) {\n      this.failed(error)',
    replace: '      turn(this.platform.now())\n    } catch (error) {\n      throw error',
  },
  {
    name: 'abandoned-socket-left-open',
    story: 'Connections that were given up stay open, at a server that counts them as agents.',
    file: 'src/driver/session-driver.ts',
    find: '    this.#links.get(link)?.abandon()\n',
    replace: '',
  },
  {
    name: 'pool-not-closed',
    story: 'A closed client goes on asking its servers for ever.',
    file: 'src/client/pool-runtime.ts',
    find: '    this.driver.close()\n',
    replace: '',
  },
  {
    name: 'refused-moves-never-told',
    story: 'A call of switchover() neither succeeds nor fails: its caller waits for ever.',
    file: 'src/client/move-board.ts',
    find: "    this.#calls.get(call)?.reject(new FailoverError('MOVE_FAILED', message))\n",
    replace: '',
  },
  {
    name: 'strangers-accepted',
    story: 'A lying peer list or document sends the token to a stranger’s host.',
    file: 'src/client/urls.ts',
    find: "if (!isAllowedName(base.name, base.isIp, rules)) return { ok: false, reason: 'foreign' }\n",
    replace: '',
  },
  {
    name: 'token-sent-unencrypted',
    story: 'A learned address sends the token over http.',
    file: 'src/client/urls.ts',
    find: "rules.hostname.scheme === 'https' && base.scheme === 'http'",
    replace: 'false',
  },
  {
    name: 'secrets-not-redacted',
    story: 'The token stands in a log line, an event or a ticket.',
    file: 'src/client/redact.ts',
    find: 'if (secret.length < 6) continue',
    replace: 'if (secret.length > 0) continue',
  },
  {
    name: 'stale-hints-used',
    story: 'A page that was closed for a month dials addresses of a month ago.',
    file: 'src/client/last-known-good.ts',
    find: 'if (ageMs > MAX_AGE_MS) return',
    replace: 'if (ageMs < 0) return',
  },
  {
    name: 'abort-listeners-kept',
    story: 'A signal that lives as long as the page keeps a listener for each command it ever was given to.',
    file: 'src/client/command-board.ts',
    find: '    pending.release()\n',
    replace: '',
  },
]
