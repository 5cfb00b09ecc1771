package transports

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
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

// What is wrong with a filter in a URL is the status of the answer, over each transport, and says what to do.
func TestFilterInThePlainURL(t *testing.T) {
	taxis := `{"equals":{"type":"taxi"}}`
	deep := strings.Repeat(`{"not":`, 17) + "{}" + strings.Repeat("}", 17)
	long := `{"equals":{"a":"` + strings.Repeat("x", protocol.MaxURLFilterBytes) + `"}}`
	for _, tt := range []struct {
		name, query string
		filter      string // as it reaches the session
		scope       string
		want        protocol.Code
		says        string
	}{
		{name: "neither", query: "channel=a"},
		{name: "a filter", query: "channel=a&filter=" + url.QueryEscape(taxis), filter: taxis},
		{name: "as a shell's single quotes leave it", query: "channel=a&filter=" + taxis, filter: taxis},
		{name: "before its channel", query: "filter=" + url.QueryEscape(taxis) + "&channel=a", filter: taxis},
		{name: "with a scope", query: "channel=a&scope=out&filter=" + url.QueryEscape(taxis), filter: taxis, scope: "out"},
		{name: "a scope alone", query: "channel=a&scope=none", scope: "none"},
		{name: "everything", query: "channel=a&filter={}", filter: "{}"},
		{name: "empty", query: "channel=a&filter=", want: protocol.CodeBadFilter, says: "JSON"},
		{name: "cut off", query: "channel=a&filter=" + url.QueryEscape(taxis[:10]), want: protocol.CodeBadFilter, says: "JSON"},
		{name: "more after it", query: "channel=a&filter=" + url.QueryEscape(`{},"channel":"b"`), want: protocol.CodeBadFilter, says: "JSON"},
		{name: "no object", query: "channel=a&filter=7", want: protocol.CodeBadFilter, says: "object"},
		{name: "no UTF-8", query: "channel=a&filter=%ff", want: protocol.CodeBadFilter, says: "UTF-8"},
		{name: "no such clause", query: "channel=a&filter=" + url.QueryEscape(`{"and":[{"equal":{"a":1}}]}`), want: protocol.CodeBadFilter, says: `"and.equal"`},
		{name: "too deep", query: "channel=a&filter=" + url.QueryEscape(deep), want: protocol.CodeFilterTooComplex, says: "16"},
		{name: "too long", query: "channel=a&filter=" + url.QueryEscape(long), want: protocol.CodeFilterTooComplex, says: "too long for a URL"},
		{name: "no such scope", query: "channel=a&scope=inside", want: protocol.CodeBadRequest, says: `"scope"`},
		{name: "two filters", query: "channel=a&filter={}&filter={}", want: protocol.CodeBadRequest, says: "more than one filter"},
		{name: "two scopes", query: "channel=a&scope=in&scope=out", want: protocol.CodeBadRequest, says: "more than one"},
		{name: "two channels", query: "channel=a&channel=b&filter={}", want: protocol.CodeBadRequest, says: "one channel"},
		{name: "no channel", query: "filter={}", want: protocol.CodeBadRequest, says: "names none"},
		{name: "a scope and no channel", query: "scope=in", want: protocol.CodeBadRequest, says: "names none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, sse := range []bool{false, true} {
				q, err := plainQuery(&http.Request{URL: &url.URL{RawQuery: tt.query}}, sse)
				if err != nil {
					if fault := protocol.AsError(err); fault.Code != tt.want || !strings.Contains(fault.Reason, tt.says) || fault.Hint == "" {
						t.Errorf("%s\ngot  %+v\nwant %q about %q", tt.query, fault, tt.want, tt.says)
					}
					continue
				}
				f := q.frames()[0]
				if tt.want != "" || string(f.Filter) != tt.filter || f.Scope != tt.scope {
					t.Errorf("%s\ngot  filter %s, scope %q\nwant %s, %q, %q", tt.query, f.Filter, f.Scope, tt.filter, tt.scope, tt.want)
				}
			}
		})
	}
}
