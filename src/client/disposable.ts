/** `await using`, where runtime and types know it (ECMAScript explicit resource management). */

/** What `AsyncDisposable` asks for, where the types have its symbol; nothing elsewhere. */
export type DisposedByClosing = SymbolConstructor extends { readonly asyncDispose: infer Name extends symbol }
  ? { readonly [Method in Name]: () => Promise<void> }
  : object

/**
 * Closes this at the end of its `await using`. A property and no member of the class: a computed member counts as a
 * side effect, and would keep the whole client in the bundle of a page that imports anything else.
 */
export function disposeByClosing(target: { close(): Promise<void> }): void {
  if (Symbol.asyncDispose === undefined) return
  Object.defineProperty(target, Symbol.asyncDispose, { value: () => target.close() })
}
