package httpapi

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tidings/actors"
	"tidings/protocol"
)

func TestTail(t *testing.T) {
	w := start(t)
	server := httptest.NewServer(w.api)
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/tail?pattern=orders/**", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %s %v", answer.Status, answer.Header)
	}
	w.ok(w.publish(`{"channel":"other","data":0}`), &published{})
	w.ok(w.publish(`{"channel":"orders/new","data":{"id":1},"event":"created"}`), &published{})
	w.ok(w.publish(`{"channel":"orders/new","data":2,"volatile":true}`), &published{})
	lines := bufio.NewScanner(answer.Body)
	for _, want := range []string{`data: {"channel":"orders/new","epoch":"`, `"volatile":true,"data":2}`} {
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		}
		if !strings.Contains(lines.Text(), want) {
			t.Errorf("got %q, want %q", lines.Text(), want)
		}
	}
	w.api.Close()
	for lines.Scan() {
	}
	if lines.Err() != nil {
		t.Errorf("the stream broke: %v", lines.Err())
	}
}

func TestTailRefuses(t *testing.T) {
	w := start(t)
	w.refusedWith(w.do(request{path: "/api/tail", noKey: true}), protocol.CodeUnauthorized)
	for _, pattern := range []string{"", "orders/", "orders**", "**/new", "inbox/{user}", strings.Repeat("x", 201)} {
		w.refusedWith(w.get("/api/tail?pattern="+pattern), protocol.CodeBadRequest)
	}
	w.refusedWith(w.get("/api/tail?channel=a"), protocol.CodeUnknownField)
	for range actors.MaxTails {
		tail, err := w.bus.Tail(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tail.Close()
	}
	w.refusedWith(w.get("/api/tail"), protocol.CodeOverloaded)
}

func TestTailCountsWhatItDrops(t *testing.T) {
	got := string(appendSeen(nil, actors.Seen{Channel: "a", ID: "i", Data: []byte("1")}, 3))
	if want := "event: dropped\ndata: {\"dropped\":3}\n\ndata: {\"channel\":\"a\",\"id\":\"i\",\"data\":1}\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
