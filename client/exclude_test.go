package client_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"tidings/client"
	"tidings/protocol"
)

// A client that excludes itself does not hear its own messages, over no transport and also not after a cut, and is told
// no gap; another client hears all.
func TestStackExcludesTheAuthor(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, inMemory)
				author, other := s.client(transport), s.client(transport)
				all := s.listen(other, "a")
				var mu sync.Mutex
				var heard, live int
				if _, err := author.Subscribe("a", func(client.Message) {
					mu.Lock()
					defer mu.Unlock()
					heard++
				}, client.OnGap(func(g client.Gap) { t.Errorf("gap %+v", g) }), client.OnSubscribed(func(protocol.Position, bool) {
					mu.Lock()
					defer mu.Unlock()
					live++
				})); err != nil {
					t.Fatal(err)
				}
				for i := range 12 {
					var opts []client.PublishOption
					if i%3 > 0 {
						opts = append(opts, client.ExcludeSelf())
					}
					if _, err := author.Publish(t.Context(), "a", i, opts...); err != nil {
						t.Fatal(err)
					}
					if i%5 == 4 {
						author.Cut()
					}
				}
				all.wantAll(t, 12, 0)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if heard != 4 || live == 0 {
					t.Errorf("the author heard %d messages, want 4", heard)
				}
			})
		})
	}
}
