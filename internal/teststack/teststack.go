// Package teststack starts the whole server in this process, for the tests of what stands around it: examples, pages,
// proxies.
package teststack

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/httpapi"
)

// Key is the API key that every stack takes.
const Key = "a-key-of-a-backend-0123456789abcdef"

// Stack is API, actors and broker behind a port of loopback.
type Stack struct {
	t    testing.TB
	api  *httpapi.API
	Addr string // host:port
	URL  string // http://host:port
}

// Start returns a server in production mode whose clients may subscribe and publish; change adapts it. It ends with the
// test.
func Start(t testing.TB, change ...func(*httpapi.Config)) *Stack {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	cfg := httpapi.DefaultConfig()
	cfg.Log = quiet
	keys, err := access.NewKeys(Key)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Keys = keys
	for _, f := range change {
		f(&cfg)
	}
	broker := memory.New(memory.DefaultConfig())
	bus, err := actors.Start(actors.Config{
		Broker: broker, Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone}, Logger: quiet,
		Heartbeat: cfg.Transports.Heartbeat, Park: cfg.Transports.Park,
	})
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(bus, cfg)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := api.Server("")
	go web.Serve(listener)
	t.Cleanup(func() {
		api.Close()
		web.Close()
		bus.Stop()
		broker.Close()
	})
	addr := listener.Addr().String()
	return &Stack{t: t, api: api, Addr: addr, URL: "http://" + addr}
}

// ServeHTTP answers as the server on Addr does; for tests that put something of their own in front.
func (s *Stack) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.api.ServeHTTP(w, r) }

// Message is one message of a channel's history.
type Message struct {
	Epoch  string
	Offset uint64
	Tag    string
	ID     string
	Event  string
	Data   json.RawMessage
}

// Publish publishes as a backend does, at the server itself.
func (s *Stack) Publish(channel, data string) {
	s.t.Helper()
	s.call(http.MethodPost, "/api/publish", fmt.Sprintf(`{"channel": %q, "data": %s}`, channel, data), nil)
}

// History reads a channel as a backend does.
func (s *Stack) History(channel string) []Message {
	s.t.Helper()
	var page struct{ Messages []Message }
	s.call(http.MethodGet, "/api/history?channel="+url.QueryEscape(channel), "", &page)
	return page.Messages
}

func (s *Stack) call(method, path, body string, into any) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+Key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %s %s %v", method, path, answer.Status, text, err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		s.t.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
}

// Connections is how many connections the server has, parked ones included.
func (s *Stack) Connections() int {
	s.t.Helper()
	var page struct{ Connections []struct{} }
	s.call(http.MethodGet, "/api/connections", "", &page)
	return len(page.Connections)
}
