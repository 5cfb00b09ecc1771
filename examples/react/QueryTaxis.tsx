import { useEffect } from "react";
import { skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { collection, type ListQuery, type Stored } from "tidings/collection";
import { useBus } from "tidings/react";

/** A live list in TanStack Query's cache. Nothing is ever fetched or invalidated: each change comes by itself. */
export function useLiveCollection<T extends object>(name: string, query: ListQuery) {
  const bus = useBus();
  const client = useQueryClient();
  const queryKey = ["documents", name, query];
  useEffect(
    () =>
      collection<T>(bus, name).live(query, ({ documents, known }) => {
        if (known) client.setQueryData(queryKey, documents);
      }),
    [bus, client, JSON.stringify(queryKey)],
  );
  return useQuery<readonly Stored<T>[]>({ queryKey, queryFn: skipToken, staleTime: Infinity });
}

export function FreeTaxis() {
  const bus = useBus();
  const { data } = useLiveCollection<{ free: boolean }>("city/taxis", { filter: { equals: { free: true } } });
  const hail = useMutation({ mutationFn: (id: string) => collection<{ free: boolean }>(bus, "city/taxis").patch(id, { free: false }) });
  return <p>{data?.map((taxi) => <button key={taxi._id} onClick={() => hail.mutate(taxi._id)}>{taxi._id}</button>) ?? "…"}</p>;
}
