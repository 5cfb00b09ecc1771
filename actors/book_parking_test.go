package actors

import (
	"fmt"
	"strings"
	"testing"
	"tidings/access"
)

func TestParkingBoundsEachUser(t *testing.T) {
	p := newParking(5, 2)
	named := func(id, user string) *Connection {
		c := &Connection{id: id}
		c.identity.Store(&access.Identity{User: user})
		return c
	}
	var out []string
	add := func(c *Connection) {
		for _, o := range p.add(c) {
			out = append(out, o.id)
		}
	}
	a1, a2, a3 := named("a1", "ann"), named("a2", "ann"), named("a3", "ann")
	add(a1)
	add(a2)
	add(a1) // parked again: now the younger
	add(a3)
	if strings.Join(out, " ") != "a2" {
		t.Errorf("ann's third: %q ended", out)
	}
	p.remove(a1)
	add(a2)
	for i := range 4 {
		add(named(fmt.Sprint("x", i), ""))
	}
	if strings.Join(out, " ") != "a2 a3" || p.len() != 5 {
		t.Errorf("the sixth of five: %q ended, %d are parked", out, p.len())
	}
	if list := p.users["ann"]; len(list) != 1 || list[0] != a2 {
		t.Errorf("ann has %d", len(list))
	}
}

// One in 64 began with "-", which commands take for a flag: tidings why -Gd3….
func TestConnectionIDsBeginWithALetter(t *testing.T) {
	for range 1000 {
		if id := newConnectionID(); id[0] < 'A' || len(id) != 12 {
			t.Fatalf("%q, want 12 characters, the first one a letter", id)
		}
	}
}
