/** Gateway: the API under /v1. Example: await gateway.post("/dialogues", {}). */
import { EVENTS, EventParts } from "./event_parts.js";
import { t } from "./language.js";

export class Refusal extends Error {
  constructor(status, kind, message) {
    super(message);
    Object.assign(this, { status, kind });
  }

  /** Whether the gateway simply does not know the address, being of another version. */
  get unknown() {
    return this.status === 404 || this.status === 405;
  }
}

export class Gateway {
  constructor(session) {
    this.session = session;
  }

  get = (path) => this.call("GET", path);
  post = (path, body) => this.call("POST", path, body);
  delete = (path) => this.call("DELETE", path);

  async call(method, path, body) {
    const answer = await this.send(method, path, body);
    return answer.status === 204 ? null : answer.json();
  }

  /** Bytes as the gateway gives them, for saving. */
  async file(path) {
    return (await this.send("GET", path)).blob();
  }

  /** Post, and call `hear` with each event before the last, which is returned. */
  async stream(path, body, hear) {
    const answer = await this.send("POST", path, body, EVENTS);
    if (!answer.headers.get("Content-Type")?.startsWith(EVENTS)) return answer.json();
    const parts = new EventParts();
    try {
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        for (const { name, content } of parts.take(value)) {
          if (name === "error") throw new Refusal(content.code, content.type, content.message);
          if (name === "turn") return content;
          hear(name, content);
        }
      }
    } catch (cause) {
      if (cause instanceof Refusal) throw cause;
    }
    throw new Refusal(0, "unreachable", t("failed.unreachable"));
  }

  async send(method, path, body, accept = "application/json") {
    const { token } = this.session;
    const headers = { Accept: accept, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      const content = body === undefined ? undefined : JSON.stringify(body);
      answer = await fetch(`/v1${path}`, { method, headers, body: content });
    } catch {
      throw new Refusal(0, "unreachable", t("failed.unreachable"));
    }
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401) this.session.demand(token);
    throw new Refusal(answer.status, told.type ?? "", told.message ?? answer.statusText);
  }
}
