package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"tidings/transports/transporttest"
)

const taxis = `{"equals":{"type":"taxi"}}`

// curl asks the target as curl does, without a client of ours.
func curl(t *testing.T, target transporttest.Target, path, lastEventID string) *http.Response {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return target.Dial(ctx) }}
	t.Cleanup(transport.CloseIdleConnections)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, target.URL+path, nil)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// An EventSource with a filter in its URL hears what the filter matches, live and after a cut, when it comes back with
// the id of its last event.
func TestPlainStreamWithAFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := startTarget(t)
		path := "/sse?channel=cars&filter=" + url.QueryEscape(taxis)
		n, lastID := 0, ""
		publish := func() {
			for _, kind := range []string{"bus", "taxi", "van", "taxi", "bus"} {
				n++
				target.Publish("cars", fmt.Sprintf(`{"n":%d,"type":%q}`, n, kind))
			}
		}
		// hears reads until number last has come.
		hears := func(events *bufio.Scanner, last int) (got []int) {
			for events.Scan() {
				if id, ok := strings.CutPrefix(events.Text(), "id: "); ok {
					lastID = id
				}
				var frame struct {
					Type, Room string
					Data       struct{ N int }
				}
				if text, ok := strings.CutPrefix(events.Text(), "data: "); !ok || json.Unmarshal([]byte(text), &frame) != nil {
					continue
				}
				switch frame.Type {
				case "gap", "error":
					t.Errorf("got %s", events.Text())
				case "subscribed", "message":
					if frame.Room == "" {
						t.Errorf("without a room: %s", events.Text())
					}
				}
				if frame.Type == "subscribed" && last == 0 {
					return nil
				}
				if frame.Type == "message" {
					if got = append(got, frame.Data.N); frame.Data.N == last {
						return got
					}
				}
			}
			t.Fatalf("the stream ended: %v", events.Err())
			return got
		}
		first := curl(t, target, path, "")
		events := bufio.NewScanner(first.Body)
		hears(events, 0)
		publish()
		if got := hears(events, 4); !slices.Equal(got, []int{2, 4}) {
			t.Errorf("live it heard %v", got)
		}
		first.Body.Close()
		publish()
		again := curl(t, target, path, lastID)
		defer again.Body.Close()
		if got := hears(bufio.NewScanner(again.Body), 9); !slices.Equal(got, []int{7, 9}) {
			t.Errorf("after a cut it heard %v", got)
		}
	})
}

// A poll with a filter is answered with what matches, and with the cursor for the next one.
func TestPlainPollWithAFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := startTarget(t)
		var cursor string
		poll := func(query string) (got []int) {
			answer := curl(t, target, "/poll?channel=cars&cursor="+url.QueryEscape(cursor)+query, "")
			defer answer.Body.Close()
			var body struct {
				Cursor string
				Frames []struct {
					Type string
					Data struct{ N int }
				}
			}
			if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != 200 {
				t.Fatalf("got %d, %v", answer.StatusCode, err)
			}
			for _, f := range body.Frames {
				switch f.Type {
				case "message":
					got = append(got, f.Data.N)
				case "position":
				default:
					t.Errorf("got %+v", f)
				}
			}
			cursor = body.Cursor
			return got
		}
		filter := "&filter=" + url.QueryEscape(taxis)
		poll(filter) // an empty one: nothing comes while it is held
		for i, kind := range []string{"bus", "taxi", "van", "taxi", "bus"} {
			target.Publish("cars", fmt.Sprintf(`{"n":%d,"type":%q}`, i+1, kind))
		}
		start := cursor
		if got := poll(filter); !slices.Equal(got, []int{2, 4}) {
			t.Errorf("it heard %v", got)
		}
		if poll(filter); cursor == start || !strings.Contains(cursor, ":5") {
			t.Errorf("the cursor is %s, which was %s: want that of message 5", cursor, start)
		}
		cursor = start
		if got := poll("&scope=none"); got != nil {
			t.Errorf("with the scope none it heard %v", got)
		}
	})
}

// What is wrong with the filter of a URL is what curl prints: a status and a text that says what to do.
func TestPlainURLsRefuseBadFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := startTarget(t)
		for _, path := range []string{"/sse", "/poll", "/ws"} {
			for query, want := range map[string]string{
				"channel=cars&filter=" + url.QueryEscape(`{"equal":{"type":"taxi"}}`): `"code":"bad_filter"`,
				"channel=cars&channel=trams&filter=" + url.QueryEscape(taxis):         `"code":"bad_request"`,
				"channel=cars&scope=inside":                                           `"code":"bad_request"`,
				"channel=cars&filters={}":                                             `filter, scope`,
			} {
				answer := curl(t, target, path+"?"+query, "")
				text, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				if answer.StatusCode != 400 || !strings.Contains(string(text), want) || !strings.Contains(string(text), `"hint":"`) {
					t.Errorf("%s?%s\ngot  %d %s\nwant 400 with %s and a hint", path, query, answer.StatusCode, text, want)
				}
			}
		}
	})
}
