import { useEffect, useRef, useState } from "react";
import { get, type Session, signIn, signOut } from "./api";
import { Channels } from "./Channels";
import { Connections } from "./Connections";
import { Actions } from "./forms";
import { Refusals, Rules, Settings } from "./Looks";
import { Overview } from "./Overview";
import { useRates } from "./rates";
import { Tap } from "./Tap";
import { Act, clock, Fault, useAsk } from "./ui";

const views = { overview: "Overview", channels: "Channels", connections: "Connections", tap: "Tap", refusals: "Refusals", actions: "Actions", rules: "Rules", settings: "Settings" } as const;
type View = keyof typeof views;

function place(): [View, string] {
  const [view = "", ...rest] = location.hash.slice(1).split("/");
  return [view in views ? (view as View) : "overview", decodeURIComponent(rest.join("/"))];
}

export function App() {
  const { data: session, error, again } = useAsk("session", () => get<Session>("session"));
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    const out = () => (setEnded(true), again());
    addEventListener("signed-out", out);
    return () => removeEventListener("signed-out", out);
  }, [again]);
  if (session?.key) return <Signed session={session} out={() => signOut().finally(again)} />;
  return (
    <>
      <header className="top">
        <Brand />
      </header>
      <main className="door" id="main">
        <Fault error={error} />
        {session && (session.on ? <SignIn ended={ended} done={() => (setEnded(false), again())} /> : <Off />)}
      </main>
    </>
  );
}

function Brand() {
  return (
    <h1>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="7" cy="25" r="3.2" />
        <path d="M6 15a11 11 0 0 1 11 11M6 6a20 20 0 0 1 20 20" />
      </svg>
      Tidings admin
    </h1>
  );
}

function Off() {
  return (
    <section className="card">
      <h2>This page is off</h2>
      <p>It opens with an API key that has the scope admin=** or no scopes at all. Add one where the server's keys are listed, and send the server SIGHUP:</p>
      <pre>
        <code>{"# keys.txt, named by api_key_file\nops  a-long-random-key  admin=**  read=**  publish=**  subscribe=**"}</code>
      </pre>
    </section>
  );
}

function SignIn({ done, ended }: { done: () => void; ended: boolean }) {
  return (
    <section className="card">
      <h2>Sign in</h2>
      {ended && <p role="status">You were signed out: 8 hours are over, or the key was removed.</p>}
      <Act
        button="Sign in"
        testid="sign-in"
        send={async (form) => {
          await signIn(String(form.get("key")).trim());
          done();
          return "";
        }}
      >
        <label className="field">
          <span>API key with the scope admin</span>
          <input name="key" type="password" required autoComplete="current-password" autoFocus data-testid="key" />
          <small>This browser does not keep it. A cookie stands in for it for 8 hours.</small>
        </label>
      </Act>
    </section>
  );
}

function Signed({ session, out }: { session: Session; out: () => void }) {
  const [[view, rest], setPlace] = useState(place);
  const rates = useRates();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const moved = () => {
      setPlace(place());
      head.current?.focus();
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return (
    <>
      <a className="skip" href="#main" onClick={(e) => (e.preventDefault(), head.current?.focus())}>
        To the content
      </a>
      <header className="top">
        <Brand />
        <p className="who">
          Key <strong>{session.key}</strong>
          {session.ends ? ` until ${clock(session.ends).slice(0, 5)}` : ""}
          {session.ends ? <button onClick={out}>Sign out</button> : null}
        </p>
        <nav aria-label="Views">
          {(Object.keys(views) as View[]).map((name) => (
            <a key={name} href={`#${name}`} aria-current={name === view ? "page" : undefined}>
              {views[name]}
            </a>
          ))}
        </nav>
      </header>
      <main id="main">
        <h2 ref={head} tabIndex={-1}>
          {views[view]}
        </h2>
        {view === "overview" && <Overview {...rates} />}
        {view === "channels" && <Channels open={rest} />}
        {view === "connections" && <Connections />}
        {view === "tap" && <Tap />}
        {view === "refusals" && <Refusals />}
        {view === "actions" && <Actions />}
        {view === "rules" && <Rules />}
        {view === "settings" && <Settings />}
      </main>
    </>
  );
}
