/** A link to hand on, as text and as a QR code. */
import { useEffect, useState } from "preact/hooks";
import qrcode from "qrcode-generator";
import { texts } from "../texts";
import { type Host, type Invitation, Panel } from "./panels";

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

export function Copy(props: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(props.text);
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  };
  return <button class="primary" onClick={() => void copy()}>{done ? texts.invite.copied : props.label}</button>;
}

export function InvitePanel(props: { host: Host | null; onClose: () => void }) {
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    // A guest hands on the link it came by.
    if (!props.host) setInvitation({ link: location.href, words: "" });
    else props.host.invite().then(setInvitation, (error: Error) => setProblem(error.message));
  }, []);
  return (
    <Panel title={texts.invite.heading} onClose={props.onClose}>
      <div class="invite">
        {problem ? <p class="trouble" role="alert">{problem}</p> : null}
        {!invitation && !problem ? <p>{texts.invite.making}</p> : null}
        {invitation ? (
          <>
            <textarea id="invite-link" readOnly rows={4} value={invitation.link} aria-label={texts.call.invite} onFocus={(event) => event.currentTarget.select()} />
            <Copy text={invitation.link} label={texts.invite.copy} />
            {invitation.words ? <p>{invitation.words}</p> : null}
            <p>{texts.invite.scan}</p>
            <Qr text={invitation.link} label={texts.invite.qr} />
          </>
        ) : null}
      </div>
    </Panel>
  );
}
