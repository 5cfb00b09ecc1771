/** What an operator may do, as forms. */
import { post } from "./api";
import { Act, Field, times } from "./ui";

interface Published {
  offset?: number;
  receivers?: number;
  results?: { channel?: string; offset?: number; error?: { message: string } }[];
}

const text = (form: FormData, name: string) => String(form.get(name) ?? "").trim() || undefined;

/** Reads what was typed as JSON; what is none is a text. */
export function typed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

export function PublishForm({ channel, done }: { channel?: string; done?: () => void }) {
  return (
    <Act
      title={channel ? "Publish to this channel" : "Publish"}
      button="Publish"
      testid="publish"
      send={async (form) => {
        const name = channel ?? text(form, "channel") ?? "";
        const got = await post<Published>("publish", {
          [name.includes("*") ? "pattern" : "channel"]: name,
          event: text(form, "event"),
          data: typed(String(form.get("data"))),
          volatile: form.get("volatile") === "on",
        });
        done?.();
        if (got.results) return `Published to ${times(got.results.filter((r) => !r.error).length, "channel")}.`;
        return `Published${got.offset ? ` as message ${got.offset}` : ""}, to ${times(got.receivers ?? 0, "subscription")}.`;
      }}
    >
      {!channel && <Field name="channel" label="Channel" required hint="Or a pattern: orders/** is every channel below orders/ that somebody hears." />}
      <Field name="data" label="Data" area required hint="JSON. What is not JSON goes out as a text." />
      <div className="fields">
        <Field name="event" label="Event (optional)" />
        <label className="check">
          <input type="checkbox" name="volatile" /> For who is there now only; not kept
        </label>
      </div>
    </Act>
  );
}

export function Actions() {
  return (
    <div className="two">
      <div className="column">
        <section className="card">
          <PublishForm />
        </section>
        <section className="card">
          <Act
            title="Disconnect a user"
            button="Disconnect"
            danger
            send={async (form) => {
              const got = await post<{ connections: number }>("disconnect", { user: text(form, "user"), retry: form.get("retry") === "on" });
              return `${times(got.connections, "connection")} ended.`;
            }}
          >
            <Field name="user" label="User" required />
            <label className="check">
              <input type="checkbox" name="retry" /> The clients come back by themselves
            </label>
          </Act>
        </section>
      </div>
      <div className="column">
        <section className="card">
          <Act
            title="Put a user in a channel, or take out"
            note="It holds now, and when the user connects again."
            button="Do it"
            testid="grant"
            send={async (form) => {
              const verb = form.get("do") === "unsubscribe" ? "unsubscribe" : "subscribe";
              const got = await post<{ connections: number }>(verb, { user: text(form, "user"), channel: text(form, "channel") });
              return `${verb === "subscribe" ? "Put in" : "Taken out"}: ${times(got.connections, "connection")} of this user ${got.connections === 1 ? "is" : "are"} there now.`;
            }}
          >
            <div className="fields">
              <Field name="user" label="User" required />
              <Field name="channel" label="Channel" required />
            </div>
            <fieldset className="fields">
              <legend className="away">What to do</legend>
              <label className="check">
                <input type="radio" name="do" value="subscribe" defaultChecked /> Put in
              </label>
              <label className="check">
                <input type="radio" name="do" value="unsubscribe" /> Take out
              </label>
            </fieldset>
          </Act>
        </section>
        <section className="card">
          <Act
            title="Revoke tokens"
            note="Give a user, for all tokens that were issued until now, or the id (jti) of one token."
            button="Revoke"
            danger
            send={async (form) => {
              const got = await post<{ connections: number }>("revoke", { user: text(form, "user"), token: text(form, "token") });
              return `Revoked. ${times(got.connections, "connection")} ended.`;
            }}
          >
            <div className="fields">
              <Field name="user" label="User" />
              <Field name="token" label="Token id" />
            </div>
          </Act>
        </section>
      </div>
    </div>
  );
}
