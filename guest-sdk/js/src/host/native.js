// The host outside of a component: the delivery of a `testing` host that is under way.

let current;

/** Runs a function with an invocation that answers its calls. */
export function within(invocation, work) {
  const outer = current;
  current = invocation;
  try {
    return work();
  } finally {
    current = outer;
  }
}

export function begin() {}

export const log = (level, text) => asked('log').log(level, text);
export const seen = (key) => asked('seen()').seen(key);
export const commit = (key) => asked('commit()').commit(key);
export const commitWith = (key, receipt) => asked('commit()').commit(key, receipt);
export const emit = (...parts) => asked('emit()').emit(...parts);
export const config = (name) => asked('config()').config(name);

function asked(name) {
  if (current === undefined)
    throw new Error(`${name} outside of a delivery: use Host.deliver of @oncegate/sdk/testing`);
  return current;
}
