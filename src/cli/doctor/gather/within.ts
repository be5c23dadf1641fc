/** Deadlines for what has none of its own. */

/** The value, or another one when it does not come in time, or at all. */
export async function within<T>(deadlineMs: number, value: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(otherwise), deadlineMs)))
  try {
    return await Promise.race([value.catch(() => otherwise), late])
  } finally {
    clearTimeout(timer)
  }
}
