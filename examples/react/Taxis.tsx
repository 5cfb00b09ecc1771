import { collection } from "tidings/collection";
import { useBus } from "tidings/react";
import { useCollection, useDocument } from "tidings/react/collection";

interface Taxi {
  driver: string;
  seats: number;
  free: boolean;
}

export function FreeTaxis({ seats }: { seats: number }) {
  const bus = useBus();
  const { documents, known, more, error } = useCollection<Taxi>("city/taxis", {
    filter: { and: [{ equals: { free: true } }, { range: { seats: { gte: seats } } }] },
    sort: ["driver"],
    limit: 20,
  });
  if (error) return <p>{error.hint}</p>;
  if (!known) return <p>…</p>;
  const hail = (id: string) => collection<Taxi>(bus, "city/taxis").patch(id, { free: false });
  return (
    <ul>
      {documents.map((taxi) => (
        <li key={taxi._id}>
          {taxi.driver} <button onClick={() => hail(taxi._id)}>Hail</button>
        </li>
      ))}
      {more && <li>and more</li>}
    </ul>
  );
}

export function MyTaxi({ id }: { id: string | null }) {
  const { document, known } = useDocument<Taxi>("city/taxis", id);
  return <p>{document?.driver ?? (known ? "it is gone" : "…")}</p>;
}
