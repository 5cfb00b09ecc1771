import { useState } from "react";
import { useJoined, useServerEvent } from "tidings/react/joined";

export function Notices() {
  const [notices, setNotices] = useState<string[]>([]);
  useJoined<{ text: string }>(({ text }, channel) => setNotices((all) => [...all, `${channel}: ${text}`]));
  useServerEvent<string>("alarm", (text) => setNotices((all) => [...all, `alarm: ${text}`]));
  return <ul>{notices.map((n, i) => <li key={i}>{n}</li>)}</ul>;
}
