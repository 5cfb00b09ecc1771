package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/store"
)

// asked is what one call of Changes has returned, behind all that was read before.
type asked struct {
	list []string
	err  error
}

// ask calls news beside the test, which goes on.
func (s *shop) ask() <-chan asked {
	answer := make(chan asked, 1)
	go func() {
		list, err := s.Changes(context.Background(), s.after, 100)
		var news []string
		for _, c := range list {
			news, s.after = append(news, fmt.Sprintf("%s %s", c.Event, c.ID)), c.Number
		}
		answer <- asked{news, err}
	}()
	return answer
}

// waits reports an error if the answer is there although a transaction is open. The reading of changes looks at open
// transactions each 10 ms; the test gives it the time of some looks.
func (s *shop) waits(answer <-chan asked) {
	s.Helper()
	select {
	case a := <-answer:
		s.Errorf("while a transaction is open that may have changed something, changes are read: %q, %v", a.list, a.err)
	case <-time.After(5 * settleEvery):
	}
}

func (s *shop) answered(answer <-chan asked, want ...string) {
	s.Helper()
	select {
	case a := <-answer:
		if a.err != nil || !slices.Equal(a.list, want) {
			s.Errorf("got %q, %v, want %q", a.list, a.err, want)
		}
	case <-time.After(time.Minute):
		s.Error("no changes are read after the transactions ended")
	}
}

func newLate(t *testing.T) (s *shop, a, b, c *pgx.Conn) {
	s = newShop(t, Watch{})
	sqlExec(t, s.sql, "INSERT INTO orders (id) VALUES (1), (2)")
	s.news()
	return s, connect(t, s.cfg.URL), connect(t, s.cfg.URL), connect(t, s.cfg.URL)
}

// Three transactions, of which the middle one stays open. 13 changes a row and commits, then 11, which began first,
// changes the same row. In the order of transactions, 11 would be read first, or 13 left out.
func TestThreeTransactions(t *testing.T) {
	s, t11, t12, t13 := newLate(t)
	for _, conn := range []*pgx.Conn{t11, t12, t13} { // ids in this order
		sqlExec(t, conn, "BEGIN", "SELECT pg_current_xact_id()")
	}
	sqlExec(t, t12, "UPDATE orders SET total = 12 WHERE id = 2")
	sqlExec(t, t13, "UPDATE orders SET total = 13 WHERE id = 1", "COMMIT")
	sqlExec(t, t11, "UPDATE orders SET total = 11 WHERE id = 1", "COMMIT")
	answer := s.ask()
	s.waits(answer)
	sqlExec(t, t12, "COMMIT")
	select {
	case a := <-answer:
		if want := []string{"patched 2", "patched 1", "patched 1"}; !slices.Equal(a.list, want) {
			t.Errorf("got %q, want %q", a.list, want)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is read")
	}
	list, err := s.Changes(context.Background(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"12", "13", "11"} {
		if c := list[len(list)-3+i]; !strings.Contains(string(c.After), `"total":`+want) {
			t.Errorf("change %d is %s, want total %s", i, c.After, want)
		}
	}
}

// A number that was drawn long ago is committed after others were.
func TestLateCommit(t *testing.T) {
	s, late, _, _ := newLate(t)
	sqlExec(t, late, "BEGIN", "UPDATE orders SET total = 5 WHERE id = 1")
	sqlExec(t, s.sql, "UPDATE orders SET total = 6 WHERE id = 2")
	answer := s.ask()
	s.waits(answer)
	sqlExec(t, late, "COMMIT")
	s.answered(answer, "patched 1", "patched 2")
	s.want()
}

func TestAbort(t *testing.T) {
	s, aborted, _, _ := newLate(t)
	sqlExec(t, aborted, "BEGIN", "UPDATE orders SET total = 5 WHERE id = 1")
	sqlExec(t, s.sql, "UPDATE orders SET total = 6 WHERE id = 2")
	answer := s.ask()
	s.waits(answer)
	sqlExec(t, aborted, "ROLLBACK")
	s.answered(answer, "patched 2")
	s.want()
}

func TestSavepointRolledBack(t *testing.T) {
	s, a, _, _ := newLate(t)
	sqlExec(t, a, "BEGIN", "UPDATE orders SET total = 1 WHERE id = 1", "SAVEPOINT s", "UPDATE orders SET total = 2 WHERE id = 2", "INSERT INTO orders (id) VALUES (9)",
		"ROLLBACK TO s", "UPDATE orders SET total = 3 WHERE id = 1", "SAVEPOINT s", "UPDATE orders SET total = 4 WHERE id = 1", "RELEASE s")
	answer := s.ask()
	s.waits(answer)
	sqlExec(t, a, "COMMIT")
	s.answered(answer, "patched 1", "patched 1", "patched 1")
	s.want()
}

func TestPreparedTransaction(t *testing.T) {
	s, a, _, _ := newLate(t)
	// A transaction with a NOTIFY cannot be prepared, so such a table is watched without.
	watch(t, s.cfg.URL, Watch{Table: "orders", As: "shop/orders", NoNotify: true})
	s.want("reset")
	sqlExec(t, a, "BEGIN", "UPDATE orders SET total = 5 WHERE id = 1", "PREPARE TRANSACTION 'p'")
	sqlExec(t, s.sql, "UPDATE orders SET total = 6 WHERE id = 2")
	answer := s.ask()
	s.waits(answer)
	if status, err := admin(t, s.cfg.URL).Status(context.Background()); err != nil || status.Open == "" {
		t.Errorf("what holds changes back is not known: %+v, %v", status, err)
	}
	sqlExec(t, connect(t, s.cfg.URL), "COMMIT PREPARED 'p'")
	s.answered(answer, "patched 1", "patched 2")
	s.want()
}

// A change that is committed between the reading of the number and that of the open transactions, or one whose number
// is drawn there, is not passed over.
func TestBetweenNumberAndSnapshot(t *testing.T) {
	const gate = 1
	s := newShop(t, Watch{}, func(c *Config) { c.between = fmt.Sprintf("SELECT pg_advisory_xact_lock_shared(%d)", gate) })
	late, gatekeeper := connect(t, s.cfg.URL), connect(t, s.cfg.URL)
	sqlExec(t, s.sql, "INSERT INTO orders (id) VALUES (1), (2), (3)")
	s.news()
	sqlExec(t, late, "BEGIN", "UPDATE orders SET total = 1 WHERE id = 1")
	sqlExec(t, s.sql, "UPDATE orders SET total = 1 WHERE id = 2")
	sqlExec(t, gatekeeper, fmt.Sprintf("SELECT pg_advisory_lock(%d)", gate))
	answer := s.ask()
	waitFor(t, "the number is read", func() bool {
		var waits bool
		err := s.sql.QueryRow(context.Background(), "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted)", gate).Scan(&waits)
		return err == nil && waits
	})
	sqlExec(t, late, "UPDATE orders SET total = 2 WHERE id = 1", "COMMIT")
	sqlExec(t, s.sql, "UPDATE orders SET total = 2 WHERE id = 3")
	sqlExec(t, gatekeeper, fmt.Sprintf("SELECT pg_advisory_unlock(%d)", gate))
	a := <-answer
	for _, line := range s.news() {
		a.list = append(a.list, line[:len("patched 1")])
	}
	if want := []string{"patched 1", "patched 2", "patched 1", "patched 3"}; a.err != nil || !slices.Equal(a.list, want) {
		t.Errorf("got %q, %v, want %q", a.list, a.err, want)
	}
}

// load is eight connections that write as programs do: some transactions are aborted, some roll a savepoint back, and
// one of twenty stays open for 200 ms.
type load struct {
	mu        sync.Mutex
	committed map[string]time.Time // text of customer, by when the commit was sent
}

func (l *load) run(t *testing.T, url string, seed uint64, transactions int, held float64) {
	conn := connect(t, url)
	ctx := context.Background()
	rnd := rand.New(rand.NewPCG(seed, 16))
	for n := range transactions {
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		var marks []string
		first := rnd.IntN(5)
		for i := range 1 + rnd.IntN(3) {
			mark := fmt.Sprintf("%d-%d-%d", seed, n, i)
			// Rows are locked in one order, so that there is no deadlock, and several connections meet in one row.
			id := 1 + first + i
			lost := rnd.Float64() < 0.1
			if lost {
				sqlExec(t, conn, "SAVEPOINT s")
			}
			if _, err := tx.Exec(ctx, "INSERT INTO orders (id, customer) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET customer = $2", id, mark); err != nil {
				t.Error(err)
				return
			}
			if lost {
				sqlExec(t, conn, "ROLLBACK TO s")
				continue
			}
			marks = append(marks, mark)
		}
		if rnd.Float64() < held {
			if _, err := tx.Exec(ctx, "SELECT pg_sleep(0.2)"); err != nil {
				t.Error(err)
			}
		}
		if rnd.Float64() < 0.2 {
			tx.Rollback(ctx)
			continue
		}
		now := time.Now()
		l.mu.Lock()
		for _, mark := range marks {
			l.committed[mark] = now
		}
		l.mu.Unlock()
		if err := tx.Commit(ctx); err != nil {
			t.Error(err)
		}
	}
}

// Each committed change is read once, none of those that were not, and those of a row in the order of the row.
// The times from commit to reading are in docs/PERFORMANCE.md: run it with -v.
func TestEightConnections(t *testing.T) {
	transactions := 100
	if testing.Short() {
		transactions = 30
	}
	for _, c := range []struct {
		name         string
		connections  int
		held         float64
		transactions int
	}{{"one connection, nothing else", 1, 0, transactions}, {"eight connections, 5 % of transactions open for 200 ms", 8, 0.05, transactions}} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, Watch{})
			lead, stop := context.WithCancel(context.Background())
			defer stop()
			if _, err := s.Lead(lead); err != nil {
				t.Fatal(err)
			}
			l := &load{committed: map[string]time.Time{}}
			var group sync.WaitGroup
			for seed := range c.connections {
				group.Go(func() { l.run(t, s.cfg.URL, uint64(seed), c.transactions, c.held) })
			}
			written := make(chan struct{})
			go func() {
				group.Wait()
				close(written)
			}()
			r := &reader{shop: s, seen: map[string]time.Time{}, rows: map[string]store.Change{}}
			for over := false; !over; {
				select {
				case <-written:
					over = true
				case <-s.Wake():
				}
				r.read()
			}
			r.check(l)
		})
	}
}

// reader reads changes as a relay does.
type reader struct {
	*shop
	seen map[string]time.Time
	rows map[string]store.Change // the last of each
}

func (r *reader) read() {
	for {
		list, err := r.Changes(context.Background(), r.after, 100)
		if err != nil {
			r.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		now := time.Now()
		for _, c := range list {
			mark := field(c.After, "customer")
			if !r.seen[mark].IsZero() {
				r.Errorf("%s is read twice", mark)
			}
			if last, ok := r.rows[c.ID]; ok && string(last.After) != string(c.Before) {
				r.Errorf("row %s was %s, and change %d is of %s", c.ID, last.After, c.Number, c.Before)
			}
			r.seen[mark], r.rows[c.ID], r.after = now, c, c.Number
		}
	}
}

// field returns a text of a document.
func field(document []byte, name string) string {
	var d map[string]any
	if json.Unmarshal(document, &d) != nil {
		return ""
	}
	value, _ := d[name].(string)
	return value
}

func (r *reader) check(l *load) {
	var took []time.Duration
	for mark, at := range l.committed {
		seen := r.seen[mark]
		if seen.IsZero() {
			r.Errorf("%s was committed, and is not read", mark)
		}
		took = append(took, seen.Sub(at))
	}
	for mark := range r.seen {
		if l.committed[mark].IsZero() {
			r.Errorf("%s was not committed, and is read", mark)
		}
	}
	for id, c := range r.rows {
		var customer string
		if err := r.sql.QueryRow(context.Background(), "SELECT customer FROM orders WHERE id = $1::bigint", id).Scan(&customer); err != nil || customer != field(c.After, "customer") {
			r.Errorf("row %s is %q, and by its changes %s: %v", id, customer, c.After, err)
		}
	}
	slices.Sort(took)
	if len(took) == 0 {
		r.Fatal("nothing was committed")
	}
	r.Logf("%d changes: from commit to reading p50 %v, p99 %v, most %v", len(took), took[len(took)/2].Round(100*time.Microsecond), took[len(took)*99/100].Round(100*time.Microsecond), took[len(took)-1].Round(time.Millisecond))
}

// The one that is open began last: no snapshot knows of its id yet, since none that came later has ended.
func TestNewestTransactionIsOpen(t *testing.T) {
	s, newest, _, _ := newLate(t)
	sqlExec(t, s.sql, "UPDATE orders SET total = 6 WHERE id = 2")
	sqlExec(t, newest, "BEGIN", "UPDATE orders SET total = 5 WHERE id = 1")
	answer := s.ask()
	s.waits(answer)
	sqlExec(t, newest, "COMMIT")
	s.answered(answer, "patched 2", "patched 1")
	s.want()
}

// A change waits for the transactions that were open when it was made, and not for those that began while it waited:
// else, where one is open at every moment, each change would wait for two of them.
func TestWaitsForNoneThatBeganLater(t *testing.T) {
	looks := make(chan struct{}, 100)
	s := newShop(t, Watch{}, func(c *Config) {
		c.step = func(name string) error {
			if name == "number" {
				looks <- struct{}{}
			}
			return nil
		}
	})
	sqlExec(t, s.sql, "INSERT INTO orders (id) VALUES (1), (2), (3), (4)")
	s.news()
	first, later := connect(t, s.cfg.URL), connect(t, s.cfg.URL)
	for len(looks) > 0 {
		<-looks
	}
	look := func() {
		t.Helper()
		select {
		case <-looks:
		case <-time.After(time.Minute):
			t.Fatal("nobody looks for a number that was drawn later")
		}
	}
	sqlExec(t, first, "BEGIN", "UPDATE orders SET total = 1 WHERE id = 1")
	answer := s.ask()
	look()
	sqlExec(t, s.sql, "UPDATE orders SET total = 2 WHERE id = 2")
	look()
	sqlExec(t, s.sql, "UPDATE orders SET total = 3 WHERE id = 2") // a look is over when the next one has begun
	look()
	sqlExec(t, later, "BEGIN", "UPDATE orders SET total = 4 WHERE id = 4")
	s.waits(answer)
	sqlExec(t, first, "COMMIT")
	select {
	case a := <-answer:
		if a.err != nil || len(a.list) < 2 || a.list[0] != "patched 1" || a.list[1] != "patched 2" {
			t.Errorf("got %q, %v, want the changes of 1 and 2", a.list, a.err)
		}
	case <-time.After(time.Minute):
		t.Error("a change waits for a transaction that began after it")
	}
	sqlExec(t, later, "COMMIT")
}
