// The page's one Trusted Types policy, "motet": it lets scripts of this very page be loaded as workers, and nothing else.

interface Policy {
  createScriptURL(url: string): string;
}

interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;

function own(url: string): string {
  const found = new URL(url, location.href);
  if (found.origin !== location.origin || !found.pathname.startsWith("/assets/")) {
    throw new TypeError(`This is no script of the page: ${found.pathname}`);
  }
  return found.href;
}

const policy = factory?.createPolicy("motet", { createScriptURL: own });

/** A worker of the page: `worker(url)` with `import url from "./name.ts?worker&url"`. */
export function worker(url: string): Worker {
  return new Worker(policy ? policy.createScriptURL(url) : url, { type: "module" });
}
