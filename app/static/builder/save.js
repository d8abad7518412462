// Saving by itself: a moment after the last key, one request at a time, again and again until it got through.
const PAUSE = 500;
const LOOK = 5000;
const PATIENCE = [1000, 2000, 5000, 10000];

export class Saver {
  constructor(state, given, say) {
    this.state = state;
    this.given = given;
    this.say = say; // what is told of it: saved, saving, away, gone
    this.failed = 0;
    this.busy = null;
    this.last = 0;
    state.addEventListener("change", () => this.soon());
    setInterval(() => {
      if (!document.hidden && !this.busy && Date.now() - this.last > LOOK) this.send();
    }, LOOK / 5);
    addEventListener("beforeunload", (event) => {
      if (this.unsaved()) event.preventDefault();
    });
    addEventListener("online", () => this.send());
  }

  unsaved() {
    return this.state.changes().length > 0 || this.state.held.size > 0;
  }

  soon(wait = PAUSE) {
    this.say("saving");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), wait);
  }

  // Everything is with the server, or it could not be.
  async all() {
    clearTimeout(this.timer);
    while (this.busy) await this.busy;
    if (this.state.changes().length) await this.send();
    return this.state.changes().length === 0 && this.state.held.size === 0;
  }

  send() {
    if (this.busy || this.gone) return this.busy;
    this.busy = this.post().finally(() => {
      this.busy = null;
      this.last = Date.now();
      if (!this.gone && !this.failed && this.state.changes().length) this.soon(0);
    });
    return this.busy;
  }

  async post() {
    const changes = this.state.changes();
    const before = this.state.now;
    let response;
    try {
      response = await fetch(this.given.save, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.given.token },
        body: JSON.stringify({
          changes,
          revision: this.state.revision,
          based_on: this.given.based_on,
          at: this.state.selected,
        }),
      });
    } catch {
      return this.again("away");
    }
    const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
    if (response.ok || (response.status === 409 && answer.conflicts)) {
      this.failed = 0;
      this.state.take(answer, changes, before);
      if (changes.length && response.ok) this.saved = answer.saved;
      this.say(this.state.held.size ? "conflict" : this.state.changes().length ? "saving" : "saved", this.saved);
      return null;
    }
    if ([401, 403, 404, 409, 422, 400, 413].includes(response.status)) {
      this.gone = true;
      this.say({ 401: "signed_out", 400: "signed_out", 404: "gone", 409: "replaced" }[response.status] ?? "refused");
      return null;
    }
    return this.again("away");
  }

  again(why) {
    this.say(why);
    this.soon(PATIENCE[Math.min(this.failed, PATIENCE.length - 1)]);
    this.failed += 1;
    this.say(why);
    return null;
  }
}
