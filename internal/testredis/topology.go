package testredis

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Replica starts a server that follows s, and waits until it has what s has.
func (s *Server) Replica(t testing.TB, settings ...string) *Server {
	t.Helper()
	r := Start(t, append([]string{"--replicaof", "127.0.0.1 " + strconv.Itoa(s.Port)}, settings...)...)
	await(t, "the replica follows", func() bool { return strings.Contains(r.Do(t, "INFO", "replication"), "master_link_status:up") })
	return r
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
		await(t, "all know each other", func() bool { return strings.Count(s.Do(t, "CLUSTER", "NODES"), "\n") >= 2*n })
		await(t, "a replica has its master", func() bool {
			_, err := s.ask("CLUSTER", "REPLICATE", ids[i])
			return err == nil
		})
	}
	for i, s := range all {
		await(t, "the cluster works", func() bool { return strings.Contains(s.Do(t, "CLUSTER", "INFO"), "cluster_state:ok") })
		await(t, "all know the replicas", func() bool {
			return strings.Count(s.Do(t, "CLUSTER", "NODES"), " slave ")+strings.Count(s.Do(t, "CLUSTER", "NODES"), "myself,slave ") == n
		})
		if i >= n {
			await(t, "the replicas follow", func() bool { return strings.Contains(s.Do(t, "INFO", "replication"), "master_link_status:up") })
		}
	}
	return all
}

func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waited for two minutes until %s", what)
		}
	}
}
