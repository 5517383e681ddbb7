/** Session: the bearer token, where the gateway asks for one. Gone with the tab. */
const KEPT = "studio.token";

export class Session {
  wanted = false;
  refused = false;

  constructor(changed) {
    this.changed = changed;
  }

  get token() {
    return sessionStorage.getItem(KEPT);
  }

  enter(token) {
    sessionStorage.setItem(KEPT, token);
    Object.assign(this, { wanted: false, refused: false });
    this.changed();
  }

  /** Ask for a token, `sent` having been refused; null where none was sent. */
  demand(sent) {
    // An answer to what was asked with an earlier token says nothing about this one.
    if (this.token !== null && sent !== this.token) return;
    sessionStorage.removeItem(KEPT);
    Object.assign(this, { wanted: true, refused: this.refused || sent !== null });
    this.changed();
  }
}
