package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
	"tidings/store/storetest"
)

// errDisk is an error of input or output, as SQLite has it when fsync fails: SQLITE_IOERR_FSYNC.
var errDisk error = diskFailed{}

type diskFailed struct{}

func (diskFailed) Error() string { return "disk I/O error" }
func (diskFailed) Code() int     { return codeIO | 4<<8 }

func put(s *Store, id, content string) error {
	results, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: id, Content: []byte(content)}}})
	if err == nil && results[0].Fault != nil {
		return results[0].Fault
	}
	return err
}

func total(t *testing.T, s *Store) int {
	t.Helper()
	page, err := s.Search(context.Background(), taxis, store.Query{Count: true})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

// hasty is the context of a caller that does not wait for the answer, and that wants the write all the same.
type hasty struct{ context.Context }

func (hasty) Done() <-chan struct{} {
	left := make(chan struct{})
	close(left)
	return left
}

func TestFullDisk(t *testing.T) {
	t.Run("F37 a full disk refuses writes, and reading goes on", func(t *testing.T) {
		path := filepath.Join(storetest.Folder(t), "d.db")
		s := openAt(t, path, func(c *Config) { c.pragmas = []string{"max_page_count = 100"} }) // SQLite's own way to be full
		long := `{"t":"` + strings.Repeat("x", 30<<10) + `"}`
		written := 0
		var err error
		for err = put(s, "0", long); err == nil && written < 100; err = put(s, fmt.Sprint(written), long) {
			written++
		}
		if !errors.Is(err, &protocol.Error{Code: protocol.CodeStorageFull}) || written == 0 {
			t.Fatalf("after %d writes: %v", written, err)
		}
		if n := total(t, s); n != written {
			t.Errorf("%d documents are there, %d were answered", n, written)
		}
		if s.Stats().ReadOnly {
			t.Error("a full disk makes it read-only")
		}
		// Space that comes back is used: the relay's mark frees some.
		if err := s.Relayed(context.Background(), 1_000); err != nil {
			t.Fatal(err)
		}
		if err := put(s, "again", `{}`); err != nil {
			t.Errorf("after there was space again: %v", err)
		}
		s.Close()
		if n := total(t, openAt(t, path)); n != written+1 {
			t.Errorf("after a restart %d documents are there", n)
		}
	})
	t.Run("F37 a small write beside a large one that does not fit is made", func(t *testing.T) {
		gate := make(chan struct{})
		var once sync.Once
		s := openAt(t, filepath.Join(storetest.Folder(t), "d.db"), func(c *Config) {
			c.pragmas = []string{"max_page_count = 60"}
			c.step = func(string) error {
				once.Do(func() { <-gate })
				return nil
			}
		})
		var group sync.WaitGroup
		errs := make([]error, 3)
		contents := []string{`{}`, `{"n":1}`, `{"t":"` + strings.Repeat("x", 64<<10-300) + `"}`}
		for i, content := range contents {
			group.Go(func() {
				w := store.Write{Collection: taxis}
				for n := range 1 + 6*(i/2) {
					w.Ops = append(w.Ops, store.Op{Action: store.Put, ID: fmt.Sprint(i, n), Content: []byte(content)})
				}
				_, errs[i] = s.Write(context.Background(), w)
			})
		}
		close(gate)
		group.Wait()
		if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], &protocol.Error{Code: protocol.CodeStorageFull}) {
			t.Errorf("small, small, large: %v", errs)
		}
	})
}

func TestBrokenDisk(t *testing.T) {
	t.Run("F38 after a failed fsync nothing is written until a restart", func(t *testing.T) {
		path := filepath.Join(storetest.Folder(t), "d.db")
		var broken bool // of the writer alone
		s := openAt(t, path, func(c *Config) {
			c.step = func(name string) error {
				if name == "written" && broken {
					return errDisk
				}
				return nil
			}
		})
		if err := put(s, "a", `{}`); err != nil {
			t.Fatal(err)
		}
		broken = true
		if err := put(s, "b", `{}`); !errors.Is(err, &protocol.Error{Code: protocol.CodeInternal}) || err != error(errBroken) {
			t.Errorf("the write whose fsync failed: %v", err)
		}
		if err := put(s, "c", `{}`); err != error(errBroken) || !s.Stats().ReadOnly {
			t.Errorf("the next write: %v", err)
		}
		if n := total(t, s); n != 1 {
			t.Errorf("%d documents", n)
		}
		s.Close()
		s = openAt(t, path)
		if err := put(s, "b", `{}`); err != nil || total(t, s) != 2 {
			t.Errorf("after a restart: %v, %d documents", err, total(t, s))
		}
	})
}

func TestSlowDisk(t *testing.T) {
	t.Run("F39 a slow disk holds back writes, and neither reads nor memory", func(t *testing.T) {
		gate, entered := make(chan struct{}), make(chan struct{}, 1)
		s := openAt(t, filepath.Join(storetest.Folder(t), "d.db"), func(c *Config) {
			c.step = func(string) error {
				select {
				case entered <- struct{}{}:
				default:
				}
				<-gate
				return nil
			}
		})
		var group sync.WaitGroup
		group.Go(func() {
			if err := put(s, "first", `{}`); err != nil {
				t.Error(err)
			}
		})
		<-entered
		waiting := 0
		for ; waiting < 100_000; waiting++ {
			_, err := s.Write(hasty{context.Background()}, store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: fmt.Sprint(waiting), Content: []byte(`{}`)}}})
			if err == error(sqlstore.ErrQueue) {
				break
			}
			if err != error(sqlstore.ErrCommit) {
				t.Fatalf("write %d: %v", waiting, err)
			}
		}
		if waiting != 1024 {
			t.Errorf("%d writes wait, want 1024", waiting)
		}
		if err := put(s, "one more", `{}`); err != error(sqlstore.ErrQueue) {
			t.Errorf("a write that the queue has no space for: %v", err)
		}
		if n := total(t, s); n != 0 {
			t.Errorf("%d documents", n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		close(gate)
		group.Wait()
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for err := put(s, "last", `{}`); err != nil; err = put(s, "last", `{}`) {
			if err != error(sqlstore.ErrQueue) {
				t.Fatal(err)
			}
			<-look.C // the queue has space as soon as the next group is taken
		}
		if n := total(t, s); n != waiting+2 {
			t.Errorf("%d documents", n)
		}
		if _, err := s.Write(ctx, store.Write{Collection: taxis, Ops: make([]store.Op, 1)}); !errors.Is(err, &protocol.Error{Code: protocol.CodeTimeout}) {
			t.Errorf("a write whose caller has gone: %v", err)
		}
	})
}
