import { useState } from "react";
import { MessageBusProvider, useBus, useMessageBus } from "tidings/react";

/** Stays outside of the component, so that it is the same for each render. */
const getToken = async () => {
  const answer = await fetch("/token");
  return answer.status === 401 ? null : answer.text();
};

export function App() {
  return (
    <MessageBusProvider url="/bus" getToken={getToken}>
      <SignIn />
      <News />
    </MessageBusProvider>
  );
}

export function SignIn() {
  const bus = useBus();
  const [user, setUser] = useState<string | null>(null);
  async function change(path: "/login" | "/logout") {
    const answer = await fetch(path, { method: "POST" });
    await bus.refresh(); // asks getToken again, and tells the server on the connection that is there
    setUser(path === "/login" ? await answer.text() : null);
  }
  if (!user) return <button onClick={() => change("/login")}>Sign in</button>;
  return <><Inbox key={user} user={user} /><button onClick={() => change("/logout")}>Sign out</button></>;
}

function Inbox({ user }: { user: string }) {
  const [last, setLast] = useState("nothing");
  useMessageBus<string>(`inbox/${user}`, setLast);
  return <p>{user}: {last}</p>;
}

function News() {
  const [last, setLast] = useState("");
  useMessageBus<string>("news", setLast);
  return <p>{last}</p>;
}
