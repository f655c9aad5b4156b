/** A link to hand on, as text and as a QR code, with an honest word on whom it lets in. */
import { useEffect, useState } from "preact/hooks";
import qrcode from "qrcode-generator";
import type { Invitation } from "../node/types";
import { texts } from "../texts";
import { Icon } from "./icons";
import { type Host, Panel } from "./panels";

export function Qr(props: { text: string; label: string }) {
  const code = qrcode(0, "L");
  code.addData(props.text);
  code.make();
  const size = code.getModuleCount();
  let path = "";
  for (let y = 0; y < size; ++y) for (let x = 0; x < size; ++x) if (code.isDark(y, x)) path += `M${x} ${y}h1v1h-1z`;
  return (
    <svg class="qr" viewBox={`-3 -3 ${size + 6} ${size + 6}`} role="img" aria-label={props.label}>
      <rect x={-3} y={-3} width={size + 6} height={size + 6} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

export function Copy(props: { text: string; label: string; quiet?: boolean }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(props.text);
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  };
  return (
    <>
      <button type="button" class={props.quiet ? "" : "primary"} onClick={() => void copy()}>{done ? <><Icon name="tick" /> {texts.invite.copied}</> : props.label}</button>
      <span class="unseen" role="status">{done ? texts.invite.copied : ""}</span>
    </>
  );
}

/** The page itself, from whoever served it, as a file that works from a disk. */
async function savePage(): Promise<void> {
  const page = await (await fetch(location.pathname)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(page);
  link.download = "conclave.html";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function PageFile() {
  const [problem, setProblem] = useState("");
  return (
    <section class="hint">
      <p>{texts.invite.noMirror}</p>
      <button onClick={() => void savePage().catch(() => setProblem(texts.invite.noFile))}><Icon name="file" /> {texts.invite.save}</button>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
    </section>
  );
}

/** A guest hands on the link it came by. A page from a disk is nobody else's address. */
function ownLink(): Invitation {
  const mirrored = location.protocol !== "file:";
  const link = mirrored ? location.href : location.hash;
  return { link, links: [link], fragment: location.hash, mirrored, outside: "unknown", words: "" };
}

export function InvitePanel(props: { host: Host | null; onClose: () => void }) {
  const [invitation, setInvitation] = useState<Invitation | null>(props.host ? null : ownLink());
  const [chosen, setChosen] = useState(0);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    props.host?.invite().then(setInvitation, (error: Error) => setProblem(error.message));
  }, []);
  const link = invitation?.links[chosen] ?? invitation?.link ?? "";
  return (
    <Panel title={texts.invite.heading} onClose={props.onClose}>
      <div class="invite">
        {problem ? <p class="trouble" role="alert">{problem}</p> : null}
        {!invitation && !problem ? <p role="status">{texts.invite.making}</p> : null}
        {invitation ? (
          <>
            <p class="faint">{props.host ? texts.invite.why : texts.invite.whyGuest}</p>
            {invitation.links.length > 1 ? (
              <label><span>{texts.invite.mirror}</span>
                <select value={String(chosen)} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
                  {invitation.links.map((each, i) => <option key={each} value={String(i)}>{new URL(each).host}</option>)}
                </select>
              </label>
            ) : null}
            <textarea id="invite-link" readOnly rows={3} value={link} aria-label={texts.call.invite} onFocus={(event) => event.currentTarget.select()} />
            <Copy text={link} label={texts.invite.copy} />
            {props.host ? <p class={`outside ${invitation.outside}`}><Icon name={invitation.outside === "yes" ? "tick" : "note"} /> {texts.invite.outside[invitation.outside]}</p> : null}
            {invitation.mirrored ? null : <PageFile />}
            <figure><Qr text={link} label={texts.invite.qr} /><figcaption>{texts.invite.scan}</figcaption></figure>
          </>
        ) : null}
      </div>
    </Panel>
  );
}
