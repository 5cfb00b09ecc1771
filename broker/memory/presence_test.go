package memory

import (
	"fmt"
	"testing"

	"tidings/core"
	"tidings/protocol"
)

type deaf struct{}

func (deaf) Changed(core.MembersChange) {}
func (deaf) Interrupted()               {}

// A channel where nobody is, and that nobody watches, costs nothing.
func TestRostersAreForgotten(t *testing.T) {
	b := New(DefaultConfig())
	defer b.Close()
	rosters := func() (n int) {
		for i := range b.presence {
			n += len(b.presence[i].rosters)
		}
		return n
	}
	list := []protocol.Member{{User: "u"}}
	for i := range 100 {
		ch := protocol.Channel(fmt.Sprintf("a/%d", i))
		if err := b.Attend(t.Context(), ch, list, nil); err != nil {
			t.Fatal(err)
		}
		stop, err := b.Watch(t.Context(), ch, deaf{})
		if err != nil {
			t.Fatal(err)
		}
		b.Attend(t.Context(), ch, nil, list)
		defer func() {
			stop()
			if n := rosters(); i == 0 && n != 0 {
				t.Errorf("%d rosters are left", n)
			}
		}()
	}
	b.Members(t.Context(), "never/used", protocol.Member{}, 10)
	b.Attend(t.Context(), "never/there", nil, list)
	if n := rosters(); n != 100 {
		t.Errorf("%d rosters, want the 100 that are watched", n)
	}
}
