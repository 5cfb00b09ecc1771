package redisbroker_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/redisbroker"
	"tidings/core"
	"tidings/internal/testredis"
	"tidings/protocol"
)

func publish(t testing.TB, b *redisbroker.Broker, ch protocol.Channel, n int) (broker.Receipt, error) {
	t.Helper()
	return b.Publish(t.Context(), broker.Publish{Channel: ch, Data: fmt.Appendf(nil, "%d", n), IdempotencyKey: fmt.Sprint("k", n), Principal: "p"})
}

// insist publishes with a key until it is acknowledged.
func insist(t testing.TB, b *redisbroker.Broker, ch protocol.Channel, n int) broker.Receipt {
	t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := publish(t, b, ch, n)
		if err == nil {
			return r
		}
		var fault *protocol.Error
		if !errors.As(err, &fault) || fault.Code != protocol.CodeTimeout && fault.Code != protocol.CodeBrokerUnavailable || time.Now().After(late) {
			t.Fatalf("publish of %d: %v", n, err)
		}
	}
}

// heardUntil waits until a sink has heard a number and returns all that it heard.
func (s *sink) heardUntil(t testing.TB, n int) (all []string) {
	t.Helper()
	for want := strconv.Itoa(n); !slices.Contains(all, want); {
		all = append(all, string(s.next(t).Data))
	}
	return all
}

// hearsAgain publishes numbers from n on until one is heard: what came while the connection was opened anew is read from
// history.
func (s *sink) hearsAgain(t testing.TB, b *redisbroker.Broker, ch protocol.Channel, n int) {
	t.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); n++ {
		insist(t, b, ch, n)
		for soon := time.After(200 * time.Millisecond); soon != nil; {
			select {
			case m := <-s.messages:
				if string(m.Data) == strconv.Itoa(n) {
					return
				}
			case <-soon:
				soon = nil
			}
		}
	}
	t.Fatal("nothing is heard any more")
}

func (s *sink) wantInterrupted(t testing.TB) {
	t.Helper()
	select {
	case <-s.interrupted:
	case <-time.After(patience):
		t.Fatal("the sink was not told that something may be missing")
	}
}

func wantLost(t testing.TB, b *redisbroker.Broker, ch protocol.Channel, at protocol.Position) {
	t.Helper()
	page, err := b.History(t.Context(), ch, at, 10)
	if err != nil || page.Lost != protocol.GapEpochChanged {
		t.Errorf("back from %v: %+v, %v, want that the epoch is another", at, page, err)
	}
}

// F49: a replica that had not got the last messages is promoted. They were acknowledged, and each subscriber is told.
func TestF49_ReplicaPromotedWithLag(t *testing.T) {
	t.Parallel()
	master := testredis.Start(t)
	replica := master.Replica(t)
	sentinel := master.Sentinel(t)
	cfg := config(sentinel.URL())
	cfg.SentinelMaster = "bus"
	b := start(t, cfg)
	s := newSink()
	if _, err := b.Subscribe(t.Context(), "a", s); err != nil {
		t.Fatal(err)
	}
	var at protocol.Position
	for n := range 3 {
		at = insist(t, b, "a", n).Position
	}
	testredis.Await(t, "the replica has three messages", func() bool {
		return strings.Contains(replica.Do(t, "INFO", "keyspace"), "keys=") && top(t, replica) == "3"
	})
	replica.Do(t, "REPLICAOF", "127.0.0.1", "1") // it hears no more
	for n := 3; n < 5; n++ {
		at = insist(t, b, "a", n).Position
	}
	s.heardUntil(t, 4)
	master.Halt()
	after := insist(t, b, "a", 5).Position
	if after.Epoch == at.Epoch || after.Offset != 4 {
		t.Errorf("the message after the failover is at %v, want offset 4 of another epoch than %s", after, at.Epoch)
	}
	wantLost(t, b, "a", at)
	s.wantInterrupted(t)
	s.hearsAgain(t, b, "a", 6)
}

// top is the offset of the channel a: bytes 13 to 19 of what Redis has of it.
func top(t testing.TB, s *testredis.Server) string {
	for _, key := range strings.Split(s.Do(t, "KEYS", "*"), "\n") {
		if strings.HasSuffix(key, "c:a") {
			state := s.Do(t, "HGET", key, "s")
			return strconv.FormatUint(binary.BigEndian.Uint64([]byte(state[11:19]))&(1<<56-1), 10)
		}
	}
	return ""
}

// A master that becomes a replica keeps its connections: the one that brings messages must not stay there.
func TestF49_MasterBecomesAReplica(t *testing.T) {
	t.Parallel()
	master := testredis.Start(t)
	master.Replica(t)
	sentinel := master.Sentinel(t)
	cfg := config(sentinel.URL())
	cfg.SentinelMaster = "bus"
	b := start(t, cfg)
	s := newSink()
	if _, err := b.Subscribe(t.Context(), "a", s); err != nil {
		t.Fatal(err)
	}
	before := insist(t, b, "a", 1).Position
	testredis.Await(t, "the failover begins", func() bool { return sentinel.Try("SENTINEL", "FAILOVER", "bus") == nil })
	n := 1
	testredis.Await(t, "messages go to the other server", func() bool {
		n++
		return insist(t, b, "a", n).Position.Epoch != before.Epoch
	})
	s.wantInterrupted(t)
	s.hearsAgain(t, b, "a", n+1)
	wantLost(t, b, "a", before)
}

// F49 in a cluster: a master is killed, and its replica takes its partitions.
func TestF49_MasterOfAClusterIsKilled(t *testing.T) {
	t.Parallel()
	servers := testredis.Cluster(t, 3)
	b := start(t, config(servers[1].URL(), servers[2].URL(), servers[0].URL()))
	sinks, before := map[protocol.Channel]*sink{}, map[protocol.Channel]protocol.Position{}
	for i := range 12 { // on all masters
		ch := protocol.Channel(fmt.Sprint("c", i))
		sinks[ch] = newSink()
		if _, err := b.Subscribe(t.Context(), ch, sinks[ch]); err != nil {
			t.Fatal(err)
		}
		before[ch] = insist(t, b, ch, 1).Position
	}
	servers[0].Halt()
	moved := 0
	for ch, s := range sinks {
		after := insist(t, b, ch, 2).Position
		if after.Epoch != before[ch].Epoch {
			moved++
			wantLost(t, b, ch, before[ch])
			s.wantInterrupted(t)
		}
		s.hearsAgain(t, b, ch, 3)
	}
	if moved == 0 || moved == len(sinks) {
		t.Errorf("%d of %d channels have another epoch, want those of one master of three", moved, len(sinks))
	}
}

// A partition that moves to another master is a gap, and its channels are heard from there.
func TestF49_PartitionMoves(t *testing.T) {
	t.Parallel()
	servers := testredis.Cluster(t, 3)
	cfg := config(servers[0].URL())
	cfg.Partitions = 1
	b := start(t, cfg)
	s := newSink()
	if _, err := b.Subscribe(t.Context(), "a", s); err != nil {
		t.Fatal(err)
	}
	before := insist(t, b, "a", 1).Position
	testredis.MoveSlot(t, servers[:3], "tidings{0}c:a")
	after := insist(t, b, "a", 2).Position
	if after.Epoch == before.Epoch || after.Offset != 2 {
		t.Errorf("the message after the move is at %v, want offset 2 of another epoch than %s", after, before.Epoch)
	}
	s.wantInterrupted(t)
	s.hearsAgain(t, b, "a", 3)
}

// F44: while Redis stands still the first publishes are unknown, then it is asked once a second and all others fail at
// once. Nothing that is repeated with its key is there twice.
func TestF44_RedisStandsStill(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	cfg := config(server.URL())
	cfg.Timeout = 300 * time.Millisecond
	b := start(t, cfg)
	origin := insist(t, b, "a", 0).Position
	server.Pause()
	codes := map[protocol.Code]int{}
	testredis.Await(t, "the breaker opens", func() bool {
		_, err := publish(t, b, "a", 1)
		var fault *protocol.Error
		if errors.As(err, &fault) {
			codes[fault.Code]++
		}
		return codes[protocol.CodeBrokerUnavailable] > 0
	})
	if codes[protocol.CodeTimeout] == 0 {
		t.Errorf("codes %v, want timeouts first: it is unknown whether those publishes happened", codes)
	}
	server.Continue()
	insist(t, b, "a", 1)
	insist(t, b, "a", 2)
	var got []string
	for ctx, late := context.WithTimeout(t.Context(), patience); ; {
		defer late()
		page, err := b.History(ctx, "a", origin, 10)
		if err != nil && ctx.Err() == nil {
			continue // the breaker
		}
		for _, m := range page.Messages {
			got = append(got, string(m.Data))
		}
		break
	}
	if !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("history is %q, want each message once", got)
	}
}

// crowd counts who is there, by what it is told.
type crowd struct{ counts chan int }

func (c crowd) Changed(m core.MembersChange) { c.counts <- m.Count }
func (c crowd) Interrupted()                 {}

func (c crowd) until(t testing.TB, want int) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case n := <-c.counts:
			if n == want {
				return
			}
		case <-late:
			t.Fatalf("the count did not become %d", want)
		}
	}
}

// F31, F51: a node that stood still for longer than its lease has left for the others. When it goes on it says again who
// is there, and who hears; nobody has to ask it.
func TestF51_NodeSleepsPastItsLease(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	cfg := config(server.URL())
	cfg.Partitions, cfg.Lease = 1, 30*time.Second
	sleepy := start(t, cfg)
	cfg.Node, cfg.Lease = "watching", 600*time.Millisecond
	other := start(t, cfg)
	watch := crowd{make(chan int, 100)}
	if _, err := other.Watch(t.Context(), "a", watch); err != nil {
		t.Fatal(err)
	}
	members := []protocol.Member{{User: "ann"}, {Connection: "c1"}}
	if err := sleepy.Attend(t.Context(), "a", members, nil); err != nil {
		t.Fatal(err)
	}
	if err := sleepy.Heard(t.Context(), "a", 7); err != nil {
		t.Fatal(err)
	}
	watch.until(t, 2)
	server.Do(t, "ZADD", "tidings{0}nodes", "1", sleepy.Name()) // as if it had not renewed its lease for long
	watch.until(t, 0)
	sleepy.RenewNow()
	watch.until(t, 2)
	testredis.Await(t, "others know again who hears it there", func() bool {
		r, err := other.Publish(t.Context(), broker.Publish{Channel: "a", Data: []byte("1")})
		return err == nil && r.Others == 7
	})
}

// F41: a name that is not known is no crash, and said with what to do.
func TestF41_NameIsNotKnown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := redisbroker.New(ctx, config("redis://ann:hunter2@nowhere.invalid:6379"))
	var fault *protocol.Error
	if !errors.As(err, &fault) || fault.Code != protocol.CodeBrokerUnavailable || fault.Hint == "" || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want broker_unavailable with a hint, and without the password", err)
	}
}

// A node with another number of partitions would look for channels elsewhere: it does not start.
func TestOtherPartitionsAreRefused(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	start(t, config(server.URL()))
	cfg := config(server.URL())
	cfg.Partitions = 32
	if _, err := redisbroker.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "number of partitions") {
		t.Errorf("got %v, want that the number of partitions is another", err)
	}
}

// board keeps what it is told last of each key.
type board struct{ told chan broker.Note }

func (b board) All(notes []broker.Note) {
	for _, n := range notes {
		b.told <- n
	}
}
func (b board) Changed(n broker.Note) { b.told <- n }

// F48: Redis has lost all notes, and no connection shows it. What is noted afterwards is heard, though its number in the
// board would be one that was there before.
func TestF48_NotesAfterAllKeysAreGone(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	b := start(t, config(server.URL()))
	heard := board{make(chan broker.Note, 100)}
	if _, err := b.Follow(t.Context(), "grants", heard); err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		if n == 3 {
			server.Do(t, "FLUSHALL")
		}
		key := fmt.Sprint("k", n)
		if err := b.Note(t.Context(), "grants", key, []byte("1"), time.Hour); err != nil {
			t.Fatal(err)
		}
		for late := time.After(patience); ; {
			select {
			case note := <-heard.told:
				if note.Key != key {
					continue
				}
			case <-late:
				t.Fatalf("%s was not heard", key)
			}
			break
		}
	}
}
