/** Gateway: the API under /v1. Example: await gateway.post("/dialogues", {}). */
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

  async send(method, path, body) {
    const { token } = this.session;
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
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
