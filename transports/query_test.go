package transports

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"

	"tidings/protocol"
)

// Polyfills of EventSource send the last id in the URL, of which the rest is as it was.
func Test_F67_thePositionInThePlainURL(t *testing.T) {
	for _, tt := range []struct {
		name, query, header string
		sse                 bool
		since               uint64 // 0: none
		unknown             bool
		want                protocol.Code
	}{
		{name: "none", query: "channel=a", sse: true},
		{name: "cursor", query: "channel=a&cursor=e1:1:t", since: 1},
		{name: "lastEventId", query: "channel=a&lastEventId=e1:2:t", sse: true, since: 2},
		{name: "Last-Event-ID", query: "channel=a&Last-Event-ID=e1:2:t", sse: true, since: 2},
		{name: "lastEventId wins over cursor", query: "channel=a&cursor=e1:1:t&lastEventId=e1:2:t", sse: true, since: 2},
		{name: "the header wins over all", query: "channel=a&cursor=e1:1:t&lastEventId=e1:2:t", header: "e1:3:t", sse: true, since: 3},
		{name: "an empty header is none", query: "channel=a&lastEventId=e1:2:t", header: "", sse: true, since: 2},
		{name: "an empty lastEventId is none", query: "channel=a&cursor=e1:1:t&lastEventId=", sse: true, since: 1},
		{name: "a poll, lastEventId", query: "channel=a&lastEventId=e1:2:t", since: 2},
		{name: "a poll, the header", query: "channel=a", header: "e1:3:t", since: 3},
		{name: "garbage on a stream is a gap", query: "channel=a&lastEventId=17", sse: true, unknown: true},
		{name: "garbage in cursor", query: "channel=a&cursor=17", sse: true, want: protocol.CodeBadCursor},
		{name: "garbage of a poll", query: "channel=a&lastEventId=17", want: protocol.CodeBadCursor},
		{name: "misspelt", query: "channel=a&curser=e1:1:t", sse: true, want: protocol.CodeUnknownField},
		{name: "another's spelling", query: "channel=a&last_event_id=e1:1:t", sse: true, want: protocol.CodeUnknownField},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/bus/sse?"+tt.query, nil)
			if tt.header != "" {
				r.Header.Set("Last-Event-ID", tt.header)
			}
			q, err := plainQuery(r, tt.sse)
			var got protocol.Code
			if err != nil {
				got = protocol.AsError(err).Code
			}
			if got != tt.want {
				t.Fatalf("%s: got %q, want %q", tt.query, got, tt.want)
			}
			if err == nil && (q.since[0].Offset != tt.since || q.unknown != tt.unknown) {
				t.Errorf("%s, header %q: got %+v, want %d, unknown %v", tt.query, tt.header, q, tt.since, tt.unknown)
			}
		})
	}
}

func Test_F67_whatWasMissedComesOverEachTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		for _, data := range []string{"1", "2", "3"} {
			r.bus.publish("a", data)
		}
		e := r.get(t, "?channel=a&lastEventId=e1:1:t1")
		e.want(protocol.TypeConnected)
		e.want(protocol.TypeSubscribed)
		e.wantMessage("2", "e1:2:t2")
		e.wantMessage("3", "e1:3:t3")
		if p := r.mustPoll(t, "?channel=a&lastEventId=e1:1:t1", ""); !slices.Equal(p.data(), []string{"2", "3"}) {
			t.Errorf("a poll got %v", p.data())
		}
		for _, path := range []string{"/bus/sse", "/bus/poll", "/bus/ws"} {
			if a := r.ask(t, lines("GET "+path+"?channel=a&curser=e1:1:t1 HTTP/1.1")); a.status != 400 || a.code() != protocol.CodeUnknownField {
				t.Errorf("%s: got %d %s", path, a.status, a.body)
			}
		}
	})
}
