package transporttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// Backend is how a target's application puts clients in channels. Its bus puts clients without a token in the channel
// anonymous, and a user in user/NAME; nobody may subscribe to these, nor to what is below private.
type Backend struct {
	ID        func(page string) string   // the signed connection id of a page
	Token     func(user string) string   // what a client signs in with
	Put, Take func(page, channel string) // the page is put in, and taken out
}

// RunPuts runs the cases of subscriptions that the server makes, each for each transport, as Run does.
func RunPuts(t *testing.T, start func(t *testing.T) (Target, Backend)) {
	for _, kind := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(kind, func(t *testing.T) {
			for _, c := range puts {
				t.Run(c.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						target, b := start(t)
						c.play(&world{T: t, Target: target, kind: kind}, b)
					})
				})
			}
		})
	}
}

const page = "page-0123456789abcdef"

var puts = []struct {
	name string
	play func(w *world, b Backend)
}{
	{"a signed id is put where its page was before there was a socket", func(w *world, b Backend) {
		b.Put(page, "private/a")
		c := w.visit(b.ID(page), "+anonymous", "+private/a")
		w.Publish("private/a", "1")
		c.WantMessages(1, 1)
	}},
	{"an id that was not signed so connects and hears nothing", func(w *world, b Backend) {
		b.Put(page, "private/a")
		id := b.ID(page)
		for _, wrong := range []string{page, id[:len(id)-1], strings.Replace(id, page, "page-0123456789abcdeg", 1), strings.Repeat("x", protocol.MaxConnectionIDBytes)} {
			c := w.visit(wrong, "+anonymous")
			w.Publish("private/a", "1")
			c.WantNothing(time.Second)
		}
	}},
	{"an id that cannot be one is refused", func(w *world, b Backend) {
		for _, id := range []string{`17`, `null`, `{}`, `["` + b.ID(page) + `"]`, `"` + strings.Repeat("x", protocol.MaxConnectionIDBytes+1) + `"`} {
			w.refusedOpening(`{"type":"connect","connectionId":`+id+`}`, protocol.CodeBadRequest)
		}
	}},
	{"a page is put in and taken out while it is there, on whatever transport", func(w *world, b Backend) {
		c := w.visit(b.ID(page), "+anonymous")
		n := 0
		for _, kind := range []string{protocol.SSE, protocol.Poll, protocol.WebSocket} {
			b.Put(page, "private/a")
			c.wantEvents("+private/a")
			w.Publish("private/a", fmt.Sprint(n+1))
			c.WantMessages(n+1, n+1)
			c.Cut()
			w.Publish("private/a", fmt.Sprint(n+2))
			w.resume(c, kind)
			c.WantMessages(n+2, n+2)
			b.Take(page, "private/a")
			c.wantEvents("-private/a")
			w.Publish("private/a", fmt.Sprint(n+3))
			c.WantNothing(time.Second)
			n += 3
		}
	}},
	{"a grant is a permission", func(w *world, b Backend) {
		c := w.visit(b.ID(page), "+anonymous")
		w.send(c, `{"type":"subscribe","id":1,"channel":"private/a"}`)
		if f := c.Want(protocol.TypeError); f.Code != protocol.CodeForbidden {
			w.Errorf("got %+v", f)
		}
		b.Put(page, "private/a")
		c.wantEvents("+private/a")
		w.send(c, `{"type":"subscribe","id":2,"channel":"private/a"}`)
		if f := c.Want(protocol.TypeSubscribed); f.ID != 2 || f.By != "" {
			w.Errorf("got %+v", f)
		}
		w.send(c, `{"type":"unsubscribe","id":3,"channel":"private/a"}`)
		c.Want(protocol.TypeReply)
		c.wantEvents("+private/a")
	}},
	{"a client signs in and out on its connection", func(w *world, b Backend) {
		c := w.visit("", "+anonymous")
		synctest.Wait() // a poll is held: one on its way without the token would come too late
		token := b.Token("u1")
		c.Sign(token)
		w.send(c, `{"type":"refresh","id":1,"token":"`+token+`"}`)
		c.wantEvents("reply", "-anonymous", "+user/u1")
		w.Publish("user/u1", "1")
		c.WantMessages(1, 1)
		w.send(c, `{"type":"refresh","id":2,"token":null}`)
		c.wantEvents("reply", "-user/u1", "+anonymous")
		w.Publish("user/u1", "2")
		w.Publish("anonymous", "3")
		c.WantMessages(3, 3)
	}},
}

// visit connects with a connection id, "" for none, and takes what the server does then.
func (w *world) visit(id string, events ...string) *Client {
	w.Helper()
	c := newClient(w, w.kind)
	connect := `{"type":"connect"}`
	if id != "" {
		connect = fmt.Sprintf(`{"type":"connect","connectionId":%q}`, id)
	}
	if err := c.Open(connect); err != nil {
		w.Fatal(err)
	}
	c.Want(protocol.TypeConnected)
	c.wantEvents(events...)
	return c
}

// wantEvents takes so many frames, in any order: "+a" and "-a" for what the server does with channel a, else a type.
func (c *Client) wantEvents(want ...string) {
	c.t.Helper()
	var got []string
	for range want {
		switch f := c.Next(); {
		case f.Type == protocol.TypeSubscribed && f.By == protocol.ByServer && f.ID == 0:
			got = append(got, "+"+string(f.Channel))
		case f.Type == protocol.TypeUnsubscribed && f.Code == protocol.CodeRemoved:
			got = append(got, "-"+string(f.Channel))
		default:
			got = append(got, f.Type)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.t.Fatalf("%s: got %q, want %q", c.kind, got, want)
	}
}
