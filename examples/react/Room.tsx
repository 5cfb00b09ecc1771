import { usePresence } from "tidings/react";

export function Room({ name }: { name: string }) {
  const { members, count, known, error } = usePresence(`room/${name}`);
  if (error) return <p>{error.hint}</p>;
  if (!known) return <p>…</p>;
  return <p>{count} here{members.length > 0 && `: ${members.map((m) => m.user ?? "a guest").join(", ")}`}</p>;
}
