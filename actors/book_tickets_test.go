package actors

import (
	"errors"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

func (w *world) ticket(token string) string {
	w.t.Helper()
	ticket, _, err := w.bus.Ticket(protocol.Peer{Token: token})
	if err != nil {
		w.t.Fatal(err)
	}
	return ticket
}

// redeem opens a plain stream with a ticket.
func (w *world) redeem(ticket string) (*client, protocol.Code) { return w.redeemFor(ticket, "news") }

// redeemFor is redeem with a URL that names these channels.
func (w *world) redeemFor(ticket, stream string) (*client, protocol.Code) {
	w.t.Helper()
	c, err := w.open(protocol.Peer{Transport: protocol.SSE, Plain: true, Ticket: ticket, Stream: stream}, nil)
	var e *protocol.Error
	if errors.As(err, &e) {
		return nil, e.Code
	}
	return c, ""
}

func TestATicketStandsForAToken(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		ticket := w.ticket(sign(t, "u1", time.Hour))
		w.pass(protocol.TicketLife - time.Second)
		c, code := w.redeem(ticket)
		if code != "" {
			t.Fatal(code)
		}
		c.subscribe("inbox/u1", nil)
		if c.may("admin/x", false); c.conn.Identity().User != "u1" {
			t.Errorf("it is %+v", c.conn.Identity())
		}
	})
}

// B117: a ticket that has opened a stream opens no other: what stands in a log is good for the same channels alone.
func TestB117_ATicketIsBoundToTheChannelsOfItsStream(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		ticket := w.ticket(sign(t, "u1", time.Hour))
		first, code := w.redeemFor(ticket, "news inbox/u1")
		if code != "" {
			t.Fatal(code)
		}
		for _, stream := range []string{"inbox/u1", "news", "inbox/u1 news", "news inbox/u1 admin/x", ""} {
			if _, code := w.redeemFor(ticket, stream); code != protocol.CodeUnauthorized {
				t.Errorf("a stream of %q: got %q", stream, code)
			}
		}
		if end := first.link.end(); end != "" {
			t.Fatalf("the stream ended with %q", end)
		}
		first.cut()
		if _, code := w.redeemFor(ticket, "news inbox/u1"); code != "" {
			t.Errorf("the same URL, when it comes back: %s", code)
		}
	})
}

// EventSource comes back with the same URL, and nobody else does.
func TestATicketIsGoodForItsOwnStreamAlone(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		ticket := w.ticket(sign(t, "u1", time.Hour))
		first, _ := w.redeem(ticket)
		first.cut()
		w.pass(29 * time.Second)
		second, code := w.redeem(ticket)
		if code != "" {
			t.Fatalf("when it comes back: %s", code)
		}
		third, code := w.redeem(ticket)
		if code != "" || second.link.end() != protocol.CodeSuperseded {
			t.Errorf("while it is there: %s, the one before ended with %q", code, second.link.end())
		}
		w.pass(time.Minute)
		third.cut()
		w.pass(w.bus.cfg.Park + time.Second)
		if _, code := w.redeem(ticket); code != protocol.CodeUnauthorized {
			t.Errorf("after it was away for too long: %q", code)
		}
	})
}

func TestTicketsThatDoNotCount(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		token := sign(t, "u1", time.Hour)
		late, expired, ended := w.ticket(token), w.ticket(sign(t, "u1", time.Second)), w.ticket(token)
		c, _ := w.redeem(ended)
		w.bus.Disconnect(c.conn.ID(), protocol.CodeDisconnected)
		gone, _ := w.redeem(expired)
		gone.cut()
		w.pass(protocol.TicketLife)
		for _, c := range []struct {
			name, ticket string
			want         protocol.Code
		}{
			{"none", "x", protocol.CodeUnauthorized},
			{"one that nobody redeemed in time", late, protocol.CodeUnauthorized},
			{"one whose stream was ended for good", ended, protocol.CodeUnauthorized},
		} {
			if _, code := w.redeem(c.ticket); code != c.want {
				t.Errorf("%s: %q", c.name, code)
			}
		}
		w.pass(2 * time.Second)
		if _, code := w.redeem(expired); code != protocol.CodeUnauthorized && code != protocol.CodeTokenExpired {
			t.Errorf("one whose token is over: %q", code)
		}
	})
	inBubble(t, withTokens(t, usual), func(w *world) {
		ticket := w.ticket(sign(t, "u1", time.Hour))
		if _, err := w.bus.RevokeUser("u1"); err != nil {
			t.Fatal(err)
		}
		if _, code := w.redeem(ticket); code != protocol.CodeUnauthorized {
			t.Errorf("one whose token was revoked: %q", code)
		}
		if _, _, err := w.bus.Ticket(protocol.Peer{}); !errors.Is(err, &protocol.Error{Code: protocol.CodeBadRequest}) {
			t.Errorf("without a token: %v", err)
		}
		if _, _, err := w.bus.Ticket(protocol.Peer{Token: "x"}); !errors.Is(err, &protocol.Error{Code: protocol.CodeUnauthorized}) {
			t.Errorf("with a bad token: %v", err)
		}
	})
}

func TestTicketsAreBounded(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		token := sign(t, "u1", time.Hour)
		for range maxTicketsPerUser {
			w.ticket(token)
		}
		if _, _, err := w.bus.Ticket(protocol.Peer{Token: token}); !errors.Is(err, &protocol.Error{Code: protocol.CodeLimitReached}) {
			t.Errorf("number 33: %v", err)
		}
		w.ticket(sign(t, "u2", time.Hour))
		w.pass(protocol.TicketLife)
		w.ticket(token)
		if n := len(w.bus.tickets.list); n != 1 {
			t.Errorf("%d are kept", n)
		}
	})
	var s tickets
	for i := range maxTickets {
		if err := s.add(&ticket{key: sessionKey{byte(i), byte(i >> 8)}, identity: access.Identity{User: string(rune('a' + i))}, until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.add(&ticket{identity: access.Identity{User: "x"}}); !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
		t.Errorf("number 10,001: %v", err)
	}
}
