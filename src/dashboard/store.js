/** A value that parts of the page share, and a hook that follows it. */
import { useEffect, useState } from "./vendor/preact_htm.js";

/** Makes a store. `set` takes a whole value, or a function of the old one. */
export function store(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = typeof next === "function" ? next(value) : next;
      for (const listener of [...listeners]) listener(value);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of a store, now and whenever it changes. */
export function useStore(of) {
  const [value, set] = useState(of.get());
  useEffect(() => {
    set(of.get());
    return of.listen(set);
  }, [of]);
  return value;
}
