// @ts-check
// Medians, percentiles, and how to write numbers.

/** @param {readonly number[]} values @param {number} part 0 to 1 */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) return NaN
  const place = (sorted.length - 1) * part
  const low = sorted[Math.floor(place)] ?? NaN
  const high = sorted[Math.ceil(place)] ?? NaN
  return low + (high - low) * (place - Math.floor(place))
}

/** @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5)
}

/** @param {readonly number[]} values */
export function worst(values) {
  return values.length === 0 ? NaN : Math.max(...values)
}

/** @param {number} value */
export function ms(value) {
  if (Number.isNaN(value)) return '-'
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

/** @param {number} value */
export function times(value) {
  return Number.isFinite(value) ? `${value.toFixed(2)} x` : '-'
}

/** Thousands set apart. @param {number} value */
export function count(value) {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '-'
}
