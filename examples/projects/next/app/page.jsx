import { News } from "./news.jsx";

export const dynamic = "force-dynamic"; // the page is rendered when it is asked for, with what there is then

const bus = process.env.TIDINGS_URL ?? "http://127.0.0.1:8080";
const key = process.env.TIDINGS_API_KEY; // a server with --dev needs none from this machine

/** On the server: what the channel keeps, and its position, behind which the browser goes on. */
export default async function Page() {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const response = await fetch(`${bus}/api/history?channel=hello&limit=20`, { headers, cache: "no-store" });
  const { messages, epoch, offset, tag } = await response.json();
  return <News url={`${process.env.BUS_URL ?? bus}/bus`} first={messages.map((m) => m.data).reverse()} since={{ epoch, offset, tag }} />;
}
