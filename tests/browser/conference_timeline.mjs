// Where the time goes between pressing Join and the first remote picture: marks that the page's own calls leave when
// this script runs before it. Nothing of the page is changed.

/** Runs in the page before its own scripts; `window.timeline` has [what, when] pairs, the first of each kind. */
export const timelineScript = `
  window.timeline = [];
  window.mark = (what) => {
    if (!window.timeline.some(([name]) => name === what)) window.timeline.push([what, performance.now()]);
  };
  {
    const RealConnection = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends RealConnection {
      constructor(...all) {
        super(...all);
        mark("connection made");
        this.addEventListener("iceconnectionstatechange", () => mark("ice " + this.iceConnectionState));
        this.addEventListener("connectionstatechange", () => mark("connection " + this.connectionState));
      }
      async setLocalDescription(...all) {
        await super.setLocalDescription(...all);
        mark("offer set");
      }
      async setRemoteDescription(...all) {
        mark("answer written");
        await super.setRemoteDescription(...all);
        mark("answer set");
      }
      createDataChannel(...all) {
        const channel = super.createDataChannel(...all);
        channel.addEventListener("open", () => mark("channel open"));
        const handed = Object.getOwnPropertyDescriptor(RTCDataChannel.prototype, "onmessage");
        Object.defineProperty(channel, "onmessage", {
          set: (take) => handed.set.call(channel, (event) => {
            if (typeof event.data === "string") mark("got " + JSON.parse(event.data).t);
            take(event);
          }),
        });
        const send = channel.send.bind(channel);
        channel.send = (data) => {
          if (typeof data === "string") {
            const { t, slots } = JSON.parse(data);
            mark("sent " + t + (slots?.some(({ kind }) => kind !== 1) ? " pictures" : ""));
          }
          send(data);
        };
        return channel;
      }
    };
    const RealWorker = window.Worker;
    window.Worker = class extends RealWorker {
      constructor(...all) {
        super(...all);
        mark("worker made");
        this.addEventListener("message", ({ data }) => mark("worker: " + data.type + (data.kind ? " kind " + data.kind : "")));
      }
      postMessage(message, ...more) {
        mark("to worker: " + message.type);
        super.postMessage(message, ...more);
      }
    };
  }`;

/** Means of the marks of several joins, in milliseconds after the press, in the order in which they come. */
export function meanTimeline(timelines) {
  const sums = new Map();
  for (const { pressed, marks } of timelines) {
    for (const [what, at] of marks) {
      const sum = sums.get(what) ?? { total: 0, count: 0 };
      sums.set(what, { total: sum.total + at - pressed, count: sum.count + 1 });
    }
  }
  return [...sums]
    .map(([what, { total, count }]) => ({ what, ms: Math.round(total / count), count }))
    .sort((a, b) => a.ms - b.ms);
}
