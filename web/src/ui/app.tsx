/** Which page this is: a guest's, opened by a link, or the owner's, opened with a token. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type ConferenceLink, decodeLink, Mistyped } from "../conference/link";
import { Session } from "../conference/session";
import { takeToken } from "../node/api";
import { texts } from "../texts";
import { Entrance } from "./entrance";
import { Icon } from "./icons";
import { unfit } from "./media";
import { Owner } from "./owner";

function Guest(props: { digits: string; onBack?: (() => void) | undefined }) {
  const [link, setLink] = useState<ConferenceLink | null>(null);
  const [problem, setProblem] = useState("");
  const [left, setLeft] = useState(false);
  useEffect(() => {
    // Without a secure context there is not even a hash to check the link with.
    const why = unfit();
    if (why) return setProblem(why);
    decodeLink(props.digits).then(setLink, (error) => setProblem(error instanceof Mistyped ? texts.trouble.mistyped : texts.trouble.badLink));
  }, [props.digits]);
  if (problem) return <Paste problem={problem} />;
  if (left) {
    return (
      <main class="message">
        <span class="mark"><Icon name="lock" /></span>
        <h1>{texts.dialog.left}</h1>
        <div class="actions">
          {props.onBack ? <button onClick={props.onBack}>{texts.dialog.home}</button> : null}
          <button class="primary" onClick={() => setLeft(false)}>{texts.dialog.again}</button>
        </div>
      </main>
    );
  }
  if (!link) return null;
  return <Entrance title="" knock={!link.inviteSeed} make={() => Session.byLink(link)} host={null} onLeave={() => setLeft(true)} onBack={props.onBack} />;
}

/** Opened without a link, as when the page was sent along as a file: the link is pasted. */
function Paste(props: { problem: string }) {
  const [link, setLink] = useState("");
  const [problem, setProblem] = useState(props.problem);
  const open = (event: Event) => {
    event.preventDefault();
    const at = link.indexOf("#c=");
    if (at < 0) setProblem(texts.trouble.badLink);
    else location.hash = link.slice(at).trim();
  };
  return (
    <main class="message">
      <span class="mark"><Icon name="lock" /></span>
      <h1>{texts.product}</h1>
      <p>{texts.tagline}</p>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
      <form class="stack" onSubmit={open}>
        <label><span>{texts.join.paste}</span>
          <textarea id="paste" rows={3} spellcheck={false} value={link} placeholder={texts.join.pastePlaceholder} onInput={(event) => setLink(event.currentTarget.value)} />
        </label>
        <button class="primary" disabled={!link.trim()}>{texts.join.go}</button>
      </form>
      <p class="faint">{texts.trouble.noNode}</p>
    </main>
  );
}

export function App() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const digits = new URLSearchParams(hash.slice(1)).get("c");
  const token = useMemo(takeToken, []);
  // An owner may enter by somebody's link as well, and comes home again.
  const home = () => {
    history.replaceState(null, "", location.pathname);
    setHash("");
  };
  if (digits) return <Guest key={digits} digits={digits} onBack={token ? home : undefined} />;
  if (token) return <Owner token={token} />;
  return <Paste problem="" />;
}
