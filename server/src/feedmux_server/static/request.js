// Asks this server, and nobody else.

const PATIENCE = 10_000;
export const offers = new Set((document.documentElement.dataset.offers ?? "").split(" "));

/** What the server said of a question that it did not answer; its message may be shown. */
export class Refused extends Error {
  constructor(problem, status) {
    super([problem?.title, problem?.detail].filter(Boolean).join(": ") || `status ${status}`);
    this.status = status;
    this.retryAfter = problem?.retry_after ?? null;
  }
}

/** The text at a path, empty where there is none. */
export async function text(path) {
  const reply = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) });
  return reply.ok ? reply.text() : "";
}

/** The JSON at a path. Throws Refused where the server says no, another error where it is not reached. */
export async function fetched(path, options = {}) {
  const reply = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), ...options });
  const body = await reply.json().catch(() => null);
  if (reply.ok && body !== null) return body;
  throw new Refused(body, reply.status);
}
