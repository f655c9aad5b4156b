/** How the node is doing, in the words of `conclave doctor`, and what it gives to others. */
import { useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Finding, Given, Status } from "../node/types";
import { texts } from "../texts";
import { Dialog } from "./dialog";
import { Icon, type IconName } from "./icons";
import { say, useNode } from "./use_node";
import { amount } from "./words";

const signs: Record<Finding["kind"], IconName> = { good: "tick", note: "note", bad: "close" };
const caps = [1, 2, 5, 10, 20, 50, 100, 1000];

/** The worst of all findings: for the dot beside the state. */
export const worst = (findings: Finding[]): Finding["kind"] =>
  findings.some((each) => each.kind === "bad") ? "bad" : findings.some((each) => each.kind === "note") ? "note" : "good";

function Gives(props: { api: NodeApi; status: Status }) {
  const { traffic, dht } = props.status;
  const [given, readGiven] = useNode<Given | null>(props.api, "calls.given", ["status"], null);
  const [problem, setProblem] = useState("");
  const cap = given ? Math.round(given.uplink_bps / 1e6) : 0;
  const setCap = (mbit: string) =>
    void props.api.call("calls.give", { uplink_mbit: Number(mbit) }).then(() => (setProblem(""), readGiven()), (error) => setProblem(say(error)));
  return (
    <section>
      <h3>{texts.node.gives}</h3>
      {given ? (
        <label class="line">
          <span>{texts.node.cap}</span>
          <select id="uplink" value={String(cap)} disabled={given.fixed} onChange={(event) => setCap(event.currentTarget.value)}>
            {[...new Set([...caps, cap])].sort((a, b) => a - b).map((each) => <option key={each} value={String(each)}>{texts.node.mbit(each)}</option>)}
          </select>
        </label>
      ) : null}
      <p class="faint">{given?.fixed ? texts.node.capFixed : texts.node.capWhy}</p>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
      <ul class="plain">
        {given ? <li>{texts.node.relayed(amount(given.relayed_bytes))}</li> : null}
        <li>{texts.node.keeps(dht.entries_held)}</li>
        <li>{texts.node.traffic(amount(traffic.sent_bytes), amount(traffic.received_bytes))}</li>
      </ul>
    </section>
  );
}

export function NodeDialog(props: { api: NodeApi; status: Status; findings: Finding[]; onClose: () => void }) {
  return (
    <Dialog title={texts.node.heading} class="node" onClose={props.onClose}>
      <ul class="findings">
        {props.findings.map(({ kind, what, todo }) => (
          <li key={what} class={kind}>
            <span class="sign" role="img" aria-label={texts.node.kinds[kind]}><Icon name={signs[kind]} /></span>
            <p>{what}{todo ? <small>{todo}</small> : null}</p>
          </li>
        ))}
      </ul>
      <Gives api={props.api} status={props.status} />
      <p class="faint version">{texts.node.version(props.status.version)}</p>
    </Dialog>
  );
}
