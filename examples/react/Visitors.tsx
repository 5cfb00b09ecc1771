import { useFresh } from "./useFresh";

export function Visitors({ building }: { building: string }) {
  const visitors = useFresh<string[]>(`visitors/${building}`, `/api/buildings/${building}/visitors`);
  return <ul>{visitors?.map((name) => <li key={name}>{name}</li>)}</ul>;
}
