// The server's time: what it last said, and how long ago that was by a clock that nobody can set. The viewer's own clock may be wrong.
export class ServerTime {
  constructor(zone = "UTC") {
    this.said = null; // milliseconds of the epoch
    this.heard = 0; // performance.now()
    this.walks = true;
    this.zone = zone;
  }

  set zone(zone) {
    const format = (of) => new Intl.DateTimeFormat("en-GB", { ...of, timeZone: zone });
    this.minutes = format({ hour: "2-digit", minute: "2-digit" });
    this.seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.days = format({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    this.name = zone;
  }

  told(asOf) {
    const said = Date.parse(asOf);
    if (Number.isNaN(said)) return;
    this.said = said;
    this.heard = performance.now();
  }

  /** Milliseconds of the epoch now, null before the server has said anything. `walks` is false where "now" is the newest event's time. */
  now() {
    return this.said === null ? null : this.walks ? this.said + performance.now() - this.heard : this.said;
  }

  /** An instant as a wall shows it: the minute, and the day too when it is another one. */
  when(at) {
    const ms = typeof at === "number" ? at : Date.parse(at);
    if (Number.isNaN(ms)) return "?";
    const now = this.now();
    return now !== null && Math.abs(now - ms) < 20 * 3600_000 ? this.minutes.format(ms) : this.days.format(ms);
  }
}
