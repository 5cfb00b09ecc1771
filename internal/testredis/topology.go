package testredis

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Replica starts a server that follows s, and waits until it has what s has.
func (s *Server) Replica(t testing.TB, settings ...string) *Server {
	t.Helper()
	r := Start(t, append([]string{"--replicaof", "127.0.0.1 " + strconv.Itoa(s.Port)}, settings...)...)
	Await(t, "the replica follows", func() bool { return strings.Contains(r.Do(t, "INFO", "replication"), "master_link_status:up") })
	return r
}

// Sentinel starts one sentinel that watches s under the name "bus", alone decides that it is down after half a second,
// and then promotes its replica, which it knows when Sentinel returns.
func (s *Server) Sentinel(t testing.TB) *Server {
	t.Helper()
	x := prepare(t, []string{"--sentinel"})
	x.file = filepath.Join(x.dir, "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor bus 127.0.0.1 %d 1\nsentinel down-after-milliseconds bus 500\nsentinel failover-timeout bus 3000\n", s.Port)
	if err := os.WriteFile(x.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	x.start(t)
	Await(t, "the sentinel knows the replica", func() bool { return strings.Contains(x.Do(t, "SENTINEL", "MASTER", "bus"), "num-slaves\n1\n") })
	return x
}

// Cluster starts a cluster of n masters with a replica each, masters first.
func Cluster(t testing.TB, n int, settings ...string) []*Server {
	t.Helper()
	var all []*Server
	settings = append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-replica-validity-factor", "0"}, settings...)
	for range 2 * n {
		all = append(all, Start(t, settings...))
	}
	const slots = 16384
	for i, s := range all {
		if i < n {
			s.Do(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/n), strconv.Itoa((i+1)*slots/n-1))
		}
		s.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, s := range all[1:] {
		s.Do(t, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(all[0].Port))
	}
	ids := make([]string, n)
	for i := range n {
		ids[i] = all[i].Do(t, "CLUSTER", "MYID")
	}
	for i, s := range all[n:] {
		Await(t, "all know each other", func() bool { return strings.Count(s.Do(t, "CLUSTER", "NODES"), "\n") >= 2*n })
		Await(t, "a replica has its master", func() bool {
			_, err := s.ask("CLUSTER", "REPLICATE", ids[i])
			return err == nil
		})
	}
	for i, s := range all {
		Await(t, "the cluster works", func() bool { return strings.Contains(s.Do(t, "CLUSTER", "INFO"), "cluster_state:ok") })
		Await(t, "all know the replicas", func() bool {
			return strings.Count(s.Do(t, "CLUSTER", "NODES"), " slave ")+strings.Count(s.Do(t, "CLUSTER", "NODES"), "myself,slave ") == n
		})
		if i >= n {
			Await(t, "the replicas follow", func() bool { return strings.Contains(s.Do(t, "INFO", "replication"), "master_link_status:up") })
		}
	}
	return all
}

// MoveSlot moves the slot of a key to another of a cluster's masters, with what it holds.
func MoveSlot(t testing.TB, masters []*Server, key string) {
	t.Helper()
	slot := masters[0].Do(t, "CLUSTER", "KEYSLOT", key)
	n, err := strconv.Atoi(slot)
	if err != nil {
		t.Fatal(err)
	}
	i := n * len(masters) / 16384
	from, to := masters[i], masters[(i+1)%len(masters)]
	there := to.Do(t, "CLUSTER", "MYID")
	to.Do(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.Do(t, "CLUSTER", "MYID"))
	from.Do(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", there)
	if keys := from.Do(t, "CLUSTER", "GETKEYSINSLOT", slot, "1000"); keys != "" {
		from.Do(t, append([]string{"MIGRATE", "127.0.0.1", strconv.Itoa(to.Port), "", "0", "10000", "KEYS"}, strings.Split(keys, "\n")...)...)
	}
	for _, s := range append([]*Server{to, from}, masters...) {
		s.Do(t, "CLUSTER", "SETSLOT", slot, "NODE", there)
	}
}

// Await waits until something is, which it asks for again and again.
func Await(t testing.TB, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waited for two minutes until %s", what)
		}
	}
}
