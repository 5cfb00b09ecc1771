package transports

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// mumble is shout for clients that poll: "?new=NAME" begins, "?s=NAME" goes on, and "|" stands between messages. It says
// "WELCOME" first, and a session opens with "hi TOKEN".
type mumble struct{ shout }

func (mumble) Greet(w http.ResponseWriter, r *http.Request) *Greeting {
	if name := r.URL.Query().Get("new"); name != "" {
		return &Greeting{Talk: &shouter{}, Session: name, Later: true, First: protocol.AppendText(nil, []byte("WELCOME"))}
	}
	return &Greeting{Session: r.URL.Query().Get("s")}
}

func (mumble) Polling() *Polling { return mumbling }

var mumbling = &Polling{
	Separator: '|',
	End:       "END",
	Answer:    func(w http.ResponseWriter, body []byte) { w.Write(body) },
	Taken:     func(w http.ResponseWriter) { io.WriteString(w, "taken") },
	Unknown:   func(w http.ResponseWriter) { http.Error(w, "WHO?", http.StatusNotFound) },
	Misused:   func(w http.ResponseWriter) { http.Error(w, "ONE!", http.StatusConflict) },
}

// mumbler is a client of mumble.
type mumbler struct {
	t *testing.T
	r *rig
}

// do returns the body of an answer, with the status before it if that is not 200. It is "gone" if ctx ended.
func (m *mumbler) do(ctx context.Context, method, query, body string) string {
	m.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://tidings.test/mumble?"+query, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := m.r.http.Do(req)
	if err != nil {
		return "gone"
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(b)))
	}
	return string(b)
}

func (m *mumbler) get() string { m.t.Helper(); return m.do(m.t.Context(), "GET", "s=ann", "") }

func (m *mumbler) post(body string) string {
	m.t.Helper()
	return m.do(m.t.Context(), "POST", "s=ann", body)
}

// want compares what was heard.
func (m *mumbler) want(got, want string) {
	m.t.Helper()
	if got != want {
		m.t.Errorf("got %q, want %q", got, want)
	}
}

// mumbling runs a test with a client that has begun, and has a session if it is open.
func mumbles(t *testing.T, open bool, f func(m *mumbler)) {
	synctest.Test(t, func(t *testing.T) {
		m := &mumbler{t, inMemory(t, nil)}
		m.want(m.do(t.Context(), "GET", "new=ann", ""), "WELCOME")
		if open {
			m.want(m.post("hi mine"), "taken")
			m.want(m.get(), "greeted ok")
			time.Sleep(2 * time.Second) // until shout says messages
		}
		f(m)
	})
}

func TestAClientThatPolls(t *testing.T) {
	mumbles(t, true, func(m *mumbler) {
		m.want(m.post("greeted hello|?|greeted again"), "taken")
		m.want(m.get(), "!|greeted HELLO|greeted AGAIN")
		heard := make(chan string)
		go func() { heard <- m.get() }()
		synctest.Wait()
		m.r.bus.publish("greeted", `"later"`)
		m.want(<-heard, "greeted LATER")
		if p := m.r.bus.peers[0]; p.Transport != protocol.Poll || !p.Fleeting() {
			m.t.Errorf("the peer is %+v", p)
		}
		if g := m.r.h.Stats().Gateways[1]; g.Open != 1 || g.Opened != 1 || g.Messages != 3 || g.Heard != 4 {
			m.t.Errorf("counted %+v", g)
		}
		start := time.Now()
		m.want(m.get(), "tick")
		if took := time.Since(start); took > 61*time.Second {
			m.t.Errorf("the tick of a minute came after %v", took)
		}
	})
}

func TestB145_HowPollingEnds(t *testing.T) {
	for _, row := range []struct {
		name string
		open bool
		do   func(m *mumbler) string
		got  string // what do returned
		next string // what the next GETs hear, up to the end
	}{
		{"the client says so", true, func(m *mumbler) string { return m.post("END") }, "taken", ""},
		{"the client leaves its session", true, func(m *mumbler) string { return m.post("bye") }, "taken", "END"},
		{"the client says so before it has a session", false, func(m *mumbler) string { return m.post("END") }, "taken", ""},
		{"it never opens a session", false, func(m *mumbler) string { return m.get() }, "BYE connect_timeout", "END"},
		{"its token is refused", false, func(m *mumbler) string { return m.post("hi bad") }, "taken", "BYE unauthorized, END"},
		{"a message before the session that cannot be read", false, func(m *mumbler) string { return m.post("?|") }, "taken", "!|BYE bad_request, END"},
		{"a GET beside another one", true, func(m *mumbler) string {
			first := make(chan string)
			go func() { first <- m.get() }()
			synctest.Wait()
			return m.get() + ", " + <-first
		}, "409 ONE!, END", ""},
		{"a GET that is given up", true, func(m *mumbler) string {
			ctx, cancel := context.WithTimeout(m.t.Context(), time.Second)
			defer cancel()
			got := m.do(ctx, "GET", "s=ann", "")
			synctest.Wait()
			return got
		}, "gone", ""},
		{"a flood of messages", true, func(m *mumbler) string { return m.post(strings.Repeat("x|", framesBurst)) }, "taken", "BYE rate_limited, END"},
		{"no UTF-8", true, func(m *mumbler) string { return m.post("\xff") }, "taken", "BYE bad_utf8, END"},
		{"a farewell that nobody fetches", true, func(m *mumbler) string {
			got := m.post("\xff")
			time.Sleep(2 * farewellTime)
			return got
		}, "taken", ""},
		{"the bus ends the session", true, func(m *mumbler) string {
			m.r.bus.all()[0].end(protocol.Encode(disconnect(&protocol.Error{Code: protocol.CodeShuttingDown})))
			return ""
		}, "", "BYE shutting_down, END"},
		{"the handler is closed", true, func(m *mumbler) string {
			got := make(chan string)
			go func() { got <- m.get() }()
			synctest.Wait()
			m.r.h.Close()
			return <-got
		}, "END", ""},
		{"answers that nobody fetches", true, func(m *mumbler) string { return m.post("??") + m.post("??") }, "takentaken", "BYE slow_consumer, END"},
	} {
		t.Run(row.name, func(t *testing.T) {
			mumbles(t, row.open, func(m *mumbler) {
				m.want(row.do(m), row.got)
				var heard []string
				for next := m.get(); next != "404 WHO?" && len(heard) < 9; next = m.get() {
					heard = append(heard, strings.TrimLeft(next, "!|"))
				}
				m.want(strings.Join(heard, ", "), strings.TrimLeft(row.next, "!|"))
				synctest.Wait()
				if n := len(m.r.bus.all()); n != 0 && row.name != "the handler is closed" {
					t.Errorf("%d sessions are left", n)
				}
				if open := m.r.h.Stats().Gateways[1].Open; open != 0 {
					t.Errorf("%d links are counted as open", open)
				}
			})
		})
	}
}

func TestB145_ABodyOfAClientThatPollsIsBounded(t *testing.T) {
	mumbles(t, true, func(m *mumbler) {
		if got := m.post(strings.Repeat("x", protocol.MaxMessageBytes+1)); !strings.HasPrefix(got, "413 ") {
			t.Errorf("answered %.80q", got)
		}
		m.want(m.get(), "BYE too_large")
		m.want(m.do(m.t.Context(), "GET", "s=bob", ""), "404 WHO?")
	})
}

func TestB145_ClientsThatPollAndHaveNoSessionAreBounded(t *testing.T) {
	var all visitors
	var last *visitor
	for i := range maxUnmet {
		last = &visitor{name: fmt.Sprint(i)}
		if !all.add(last) {
			t.Fatalf("client %d is refused", i)
		}
	}
	one := &visitor{name: "one more"}
	if all.add(one) {
		t.Error("one more is taken")
	}
	all.met(last)
	all.met(last)
	if !all.add(one) || all.add(&visitor{name: "another one"}) {
		t.Error("a client that has a session makes space for another one, and for no more")
	}
	all.remove(one)
	if all.find(one.name) != nil || all.find(last.name) != last || all.unmet != maxUnmet-1 {
		t.Errorf("%d wait once one has left", all.unmet)
	}
}
