package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// from opens a connection from an address, and returns the code that it is refused with.
func (w *world) from(address, token string) (*client, protocol.Code) {
	w.t.Helper()
	c, err := w.open(protocol.Peer{Transport: protocol.WebSocket, Address: address}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token})
	var e *protocol.Error
	if errors.As(err, &e) {
		return nil, e.Code
	}
	return c, ""
}

func limited(t *testing.T, change func(*Config)) func(*Config) {
	return func(c *Config) {
		withTokens(t, usual)(c)
		change(c)
	}
}

// B17: one address.
// B118: what an address is refused for is not taken from the connects that all share.
func TestB118_OneAddressDoesNotUseUpTheConnectsOfAll(t *testing.T) {
	limits := quotaLimits{connects: 50, connectsPerAddress: 2, perAddress: 100}
	for _, row := range []struct {
		name  string
		flood func(s *quotas, now time.Duration)
	}{
		{"by how fast it connects", func(s *quotas, now time.Duration) { s.take("", "6.6.6.6", 0, now) }},
		{"by how many it has", func(s *quotas, now time.Duration) {
			s.max.perAddress = 5
			s.take("", "6.6.6.6", 0, now)
		}},
		{"by its user", func(s *quotas, now time.Duration) {
			s.max.perUser = 3
			s.take("mallory", "6.6.6.7", 0, now)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quotas{max: limits}
			for i := range 5000 {
				row.flood(&s, time.Duration(i)*time.Millisecond)
			}
			for i := range 60 {
				if _, fault := s.take("", fmt.Sprintf("10.0.0.%d", i), 0, 5*time.Second); fault != nil {
					t.Fatalf("connect %d of 60 others: %v", i+1, fault)
				}
			}
		})
	}
	t.Run("and what the node refuses is not taken from the address", func(t *testing.T) {
		s := quotas{max: quotaLimits{connects: 1, connectsPerAddress: 1}}
		for i := range 4 { // of one address no more than half
			s.take("", fmt.Sprintf("10.0.1.%d", i/2), 0, 0)
		}
		for range 100 {
			if _, fault := s.take("", "10.0.0.2", 0, 0); fault != errConnects {
				t.Fatalf("with nothing left: %v", fault)
			}
		}
		for range 2 {
			if _, fault := s.take("", "10.0.0.2", 0, 4*time.Second); fault != nil {
				t.Fatalf("when the node has some again: %v", fault)
			}
		}
	})
}

// B118: without trusted_proxies nobody knows whose an address is. One that connects without end, over one HTTP/2
// connection or many, leaves the others their part all the same; and if it is alone, it has everything.
func TestB118_OneAddressWithoutTrustedProxies(t *testing.T) {
	const rate = 50
	for _, row := range []struct {
		name        string
		others      int // connects of other addresses, ten a second
		least, most int // connects of the one, in ten seconds
	}{
		{"a flood beside others", 100, 10 * rate / 2, 2*rate + 10*rate},
		{"a proxy that nobody knows of", 0, 10 * rate, 2*rate + 10*rate},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quotas{max: quotaLimits{connects: rate}}
			flooded, refused := 0, 0
			for i := range 10_000 { // a millisecond each
				now := time.Duration(i) * time.Millisecond
				for range 4 {
					if q, fault := s.take("", "6.6.6.6", 0, now); fault == nil {
						if flooded++; q.ofAddress != nil {
							t.Fatal("connections of an address that may be a proxy's are counted")
						}
					} else if fault != errConnects {
						t.Fatal(fault)
					}
				}
				if i%100 == 50 && i/100 < row.others {
					if _, fault := s.take("", fmt.Sprintf("10.0.0.%d", i/100), 0, now); fault != nil {
						refused++
					}
				}
			}
			if refused > 0 || flooded < row.least || flooded > row.most {
				t.Errorf("%d of %d others were refused, and the one made %d; want none, and %d to %d", refused, row.others, flooded, row.least, row.most)
			}
		})
	}
}

func TestB17_ConnectionsOfAnAddress(t *testing.T) {
	inBubble(t, limited(t, func(c *Config) { c.ConnectionsPerAddress, c.ConnectsPerAddress = 3, 2 }), func(w *world) {
		first, _ := w.from("192.0.2.1", "")
		for range 2 {
			if _, code := w.from("192.0.2.1", ""); code != "" {
				t.Fatalf("at the limit: %s", code)
			}
		}
		if _, code := w.from("192.0.2.1", ""); code != protocol.CodeRateLimited {
			t.Errorf("one more: %q", code)
		}
		if _, code := w.from("192.0.2.2", ""); code != "" {
			t.Errorf("another address: %s", code)
		}
		first.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.settle()
		if _, code := w.from("192.0.2.1", ""); code != "" {
			t.Errorf("when one has ended: %s", code)
		}
		if n := w.bus.Stats().Turned[LimitAddress]; n != 1 {
			t.Errorf("%d were counted", n)
		}
	})
}

func TestTheRateOfAnAddress(t *testing.T) {
	inBubble(t, limited(t, func(c *Config) { c.ConnectsPerAddress = 2 }), func(w *world) {
		open := func(address string, n int) (refused int) {
			for range n {
				if _, code := w.from(address, ""); code == protocol.CodeRateLimited {
					refused++
				} else if code != "" {
					t.Fatal(code)
				}
			}
			return refused
		}
		if n := open("2001:db8::1", 12); n != 2 {
			t.Errorf("%d of 12 at once were refused, want 2", n)
		}
		if n := open("2001:db8::2", 1); n != 1 {
			t.Error("the same household has a second address")
		}
		if n := open("2001:db8:0:1::1", 1); n != 0 {
			t.Error("another household was refused")
		}
		if n := open("not an address", 20); n != 0 {
			t.Error("who is not known was refused")
		}
		w.pass(time.Second)
		if n := open("2001:db8::1", 3); n != 1 {
			t.Errorf("after a second %d of 3 were refused, want 1", n)
		}
	})
}

func TestTheRateOfTheNode(t *testing.T) {
	inBubble(t, limited(t, func(c *Config) { c.ConnectsPerSecond = 5 }), func(w *world) {
		for i := range 20 {
			if _, code := w.from(fmt.Sprint("192.0.2.", i), ""); code != "" {
				t.Fatalf("number %d: %s", i, code)
			}
		}
		if _, code := w.from("192.0.2.99", ""); code != protocol.CodeOverloaded {
			t.Errorf("number 21: %q", code)
		}
		w.pass(time.Second)
		c, code := w.from("192.0.2.99", "")
		if code != "" {
			t.Fatalf("after a second: %s", code)
		}
		for range 10 {
			if c.cut(); !c.resumeWith(c.received).resumed {
				t.Error("a resume was refused")
			}
		}
	})
}

func TestConnectionsOfAUser(t *testing.T) {
	inBubble(t, limited(t, func(c *Config) { c.ConnectionsPerUser = 2 }), func(w *world) {
		token := sign(t, "u1", time.Hour)
		first, _ := w.from("", token)
		second, _ := w.from("", token)
		if _, code := w.from("", token); code != protocol.CodeLimitReached {
			t.Errorf("a third: %q", code)
		}
		anonymous, _ := w.from("", "")
		if answer, _ := anonymous.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token}); answer.Code != protocol.CodeLimitReached || !anonymous.conn.Identity().Anonymous() {
			t.Errorf("a third by signing in: %+v", answer)
		}
		if _, code := w.from("", sign(t, "u2", time.Hour)); code != "" {
			t.Errorf("another user: %s", code)
		}
		second.cut()
		if _, code := w.from("", token); code != protocol.CodeLimitReached {
			t.Errorf("while one is parked: %q", code)
		}
		w.pass(w.bus.cfg.Park + time.Second)
		if answer, _ := anonymous.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token}); answer.Type != protocol.TypeReply {
			t.Errorf("by signing in when one has ended: %+v", answer)
		}
		for _, c := range []*client{first, anonymous} {
			c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		}
		w.settle()
		if n := len(w.bus.quotas.users); n != 1 {
			t.Errorf("%d users are kept, want u2", n)
		}
	})
}

func TestQuotasOfAddressesAreForgotten(t *testing.T) {
	s := &quotas{}
	for i := range maxQuotaAddresses {
		s.of(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), 0).connect.Take(1, core.Rate{PerSecond: 0.1, Burst: 1}, 0)
	}
	s.of("10.0.0.1", 0).n = 1
	if s.of("192.0.2.1", time.Second) != nil {
		t.Error("there is space for one more")
	}
	if s.of("192.0.2.1", 10*time.Second) == nil || len(s.addresses) != 2 {
		t.Errorf("afterwards %d are kept", len(s.addresses))
	}
}
