import { useBusQuery } from "tidings/react";

export function Visitors({ building }: { building: string }) {
  const { data, error } = useBusQuery<string[]>({
    channel: `visitors/${building}`,
    async fetch({ signal }) {
      const answer = await fetch(`/api/buildings/${building}/visitors`, { signal });
      if (!answer.ok) throw new Error(`the backend says ${answer.status}`);
      return answer.json();
    },
  });
  if (!data) return <p>{error ? "No answer yet, still trying…" : "…"}</p>;
  return <ul>{data.map((name) => <li key={name}>{name}</li>)}</ul>;
}
