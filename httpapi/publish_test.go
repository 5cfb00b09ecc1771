package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tidings/protocol"
)

func TestPublishAnswersPositionAndReach(t *testing.T) {
	w := start(t)
	var first, second published
	w.ok(w.publish(`{"channel":"orders/new","data":{"n":1},"event":"created"}`), &first)
	w.ok(w.publish(`{"channel":"orders/new","data":null}`), &second)
	if first.Offset != 1 || second.Offset != 2 || first.Epoch == "" || first.Epoch != second.Epoch || first.Tag == "" || first.ID == "" || first.ID == second.ID {
		t.Errorf("got %+v and %+v", first, second)
	}
	if first.Receivers != 0 || !first.ReceiversExact || first.Duplicate {
		t.Errorf("nobody listens on the only node: got %+v", first)
	}
}

// B40, B41: data goes through byte for byte, whatever its numbers, keys and escapes are.
func TestB40_B41_PublishKeepsDataAsItIs(t *testing.T) {
	w := start(t)
	for _, data := range []string{
		`"text"`, `"\u00e9\ud83d\ude00</script>\u2028"`, `{"b":1,"a":{"a":[1,2,{}]}}`, `{"a":1,"a":2}`, `9007199254740993`, `1e999`, `-0`, `""`, `[]`, `false`, `"\ud800"`, strings.Repeat("9", 60_000),
	} {
		var got struct {
			Messages []struct{ Data json.RawMessage }
		}
		w.ok(w.publish(`{"channel":"a","data":`+data+`}`), &published{})
		w.ok(w.get("/api/history?channel=a&limit=1"), &got)
		if len(got.Messages) != 1 || string(got.Messages[0].Data) != data {
			t.Errorf("published %.100s, read %.100s", data, got.Messages)
		}
	}
}

func TestPublishToSeveralChannels(t *testing.T) {
	w := start(t)
	var got struct {
		Results []struct {
			published
			Error *struct{ Code protocol.Code }
		}
	}
	w.ok(w.publish(`{"channels":["a","b/","a","$x"],"data":1}`), &got)
	if len(got.Results) != 4 {
		t.Fatalf("got %+v, want 4 results", got)
	}
	for i, want := range []struct {
		offset uint64
		code   protocol.Code
	}{{offset: 1}, {code: protocol.CodeBadChannel}, {offset: 2}, {code: protocol.CodeForbidden}} {
		r := got.Results[i]
		if r.Offset != want.offset || (r.Error == nil) != (want.code == "") || r.Error != nil && r.Error.Code != want.code {
			t.Errorf("result %d: got %+v %+v, want %+v", i, r.published, r.Error, want)
		}
	}
}

func TestPublishTwiceWithOneKeyHasOneEffect(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   string
		header http.Header
	}{
		{name: "in the body", body: `{"channel":"a","data":1,"idempotencyKey":"k"}`},
		{name: "in the header", body: `{"channel":"a","data":1}`, header: http.Header{"Idempotency-Key": {"k"}}},
		{name: "in both", body: `{"channel":"a","data":1,"idempotencyKey":"k"}`, header: http.Header{"Idempotency-Key": {"k"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t)
			var first, second published
			q := request{path: "/api/publish", body: tt.body, header: tt.header}
			w.ok(w.do(q), &first)
			w.ok(w.do(q), &second)
			if second.Duplicate != true || first.Duplicate || second.Offset != first.Offset || second.ID != first.ID || second.Tag != first.Tag {
				t.Errorf("got %+v, then %+v", first, second)
			}
		})
	}
}

// F53: one key, 50 parallel requests: one message, 50 equal answers.
func TestF53_PublishManyTimesAtOnce(t *testing.T) {
	w := start(t)
	var group sync.WaitGroup
	answers := make([]published, 50)
	for i := range answers {
		group.Go(func() { w.ok(w.publish(`{"channel":"a","data":1,"idempotencyKey":"k"}`), &answers[i]) })
	}
	group.Wait()
	fresh := 0
	for _, a := range answers {
		if a.Offset != 1 || a.ID != answers[0].ID {
			t.Errorf("got %+v, want the position of the first", a)
		}
		if !a.Duplicate {
			fresh++
		}
	}
	if fresh != 1 {
		t.Errorf("%d answers are of a first publish, want 1", fresh)
	}
}

func TestPublishVolatile(t *testing.T) {
	w := start(t)
	var got map[string]any
	w.ok(w.publish(`{"channel":"a","data":1,"volatile":true}`), &got)
	if got["offset"] != nil || got["tag"] != nil || got["id"] == "" {
		t.Errorf("got %v: a volatile message has no position", got)
	}
}

func TestPublishRefuses(t *testing.T) {
	w := start(t)
	long := strings.Repeat("k", protocol.MaxIdempotencyKeyBytes)
	many := strings.Repeat(`"a",`, protocol.MaxPublishChannels)
	for _, tt := range []struct {
		name, body string
		header     http.Header
		want       protocol.Code
		says       string
	}{
		{name: "nothing", body: ` `, want: protocol.CodeBadJSON},
		{name: "no channel", body: `{"data":1}`, want: protocol.CodeBadRequest, says: `neither "channel" nor "channels" nor "pattern"`},
		{name: "both", body: `{"channel":"a","channels":["a"],"data":1}`, want: protocol.CodeBadRequest},
		{name: "no channels", body: `{"channels":[],"data":1}`, want: protocol.CodeBadRequest},
		{name: "100 channels", body: `{"channels":[` + strings.TrimSuffix(many, ",") + `],"data":1}`},
		{name: "101 channels", body: `{"channels":[` + many + `"a"],"data":1}`, want: protocol.CodeBadRequest},
		{name: "channels of another type", body: `{"channels":"a","data":1}`, want: protocol.CodeBadRequest, says: "channels"},
		{name: "a channel of another type", body: `{"channels":["a",1],"data":1}`, want: protocol.CodeBadRequest},
		{name: "channel of another type", body: `{"channel":1,"data":1}`, want: protocol.CodeBadRequest, says: "channel"},
		{name: "bad channel", body: `{"channel":"a b","data":1}`, want: protocol.CodeBadChannel},
		{name: "the server's channel", body: `{"channel":"$a","data":1}`, want: protocol.CodeForbidden},
		{name: "event null", body: `{"channel":"a","data":1,"event":null}`, want: protocol.CodeBadRequest, says: "event"},
		{name: "event empty", body: `{"channel":"a","data":1,"event":""}`, want: protocol.CodeBadRequest, says: "event"},
		{name: "event of 64 bytes", body: `{"channel":"a","data":1,"event":"` + strings.Repeat("e", 64) + `"}`},
		{name: "event of 65 bytes", body: `{"channel":"a","data":1,"event":"` + strings.Repeat("e", 65) + `"}`, want: protocol.CodeBadRequest, says: "event"},
		{name: "spread of 1 ms", body: `{"channel":"a","data":1,"spread":"1ms"}`},
		{name: "spread of 5 minutes", body: `{"channel":"a","data":1,"spread":"5m"}`},
		{name: "spread above 5 minutes", body: `{"channel":"a","data":1,"spread":"5m1ms"}`, want: protocol.CodeBadRequest, says: "spread"},
		{name: "spread below 1 ms", body: `{"channel":"a","data":1,"spread":"999us"}`, want: protocol.CodeBadRequest, says: "spread"},
		{name: "spread backwards", body: `{"channel":"a","data":1,"spread":"-5s"}`, want: protocol.CodeBadRequest, says: "spread"},
		{name: "spread without a unit", body: `{"channel":"a","data":1,"spread":"5"}`, want: protocol.CodeBadRequest, says: "spread"},
		{name: "spread as a number", body: `{"channel":"a","data":1,"spread":5000}`, want: protocol.CodeBadRequest, says: "spread"},
		{name: "spread null", body: `{"channel":"a","data":1,"spread":null}`, want: protocol.CodeBadRequest, says: "spread"},
		{name: "volatile of another type", body: `{"channel":"a","data":1,"volatile":"yes"}`, want: protocol.CodeBadRequest, says: "volatile"},
		{name: "volatile with a key", body: `{"channel":"a","data":1,"volatile":true,"idempotencyKey":"k"}`, want: protocol.CodeBadRequest},
		{name: "key of 128 bytes", body: `{"channel":"a","data":1,"idempotencyKey":"` + long + `"}`},
		{name: "key of 129 bytes", body: `{"channel":"a","data":1,"idempotencyKey":"` + long + `k"}`, want: protocol.CodeBadRequest, says: "idempotencyKey"},
		{name: "key of 129 bytes in the header", body: `{"channel":"a","data":1}`, header: http.Header{"Idempotency-Key": {long + "k"}}, want: protocol.CodeBadRequest},
		{name: "empty key", body: `{"channel":"a","data":1,"idempotencyKey":""}`, want: protocol.CodeBadRequest, says: "idempotencyKey"},
		{name: "key with a line break", body: `{"channel":"a","data":1,"idempotencyKey":"a\nb"}`, want: protocol.CodeBadRequest, says: "control"},
		{name: "key with a tab in the header", body: `{"channel":"a","data":1}`, header: http.Header{"Idempotency-Key": {"a\tb"}}, want: protocol.CodeBadRequest, says: "control"},
		{name: "two keys in headers", body: `{"channel":"a","data":1}`, header: http.Header{"Idempotency-Key": {"a", "b"}}, want: protocol.CodeBadRequest},
		{name: "another key in the header", body: `{"channel":"a","data":1,"idempotencyKey":"a"}`, header: http.Header{"Idempotency-Key": {"b"}}, want: protocol.CodeBadRequest},
		{name: "not UTF-8", body: "{\"channel\":\"a\",\"data\":\"\xff\"}", want: protocol.CodeBadUTF8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			r := w.do(request{path: "/api/publish", body: tt.body, header: tt.header})
			if tt.want == "" {
				if r.Code != http.StatusOK {
					t.Fatalf("got %d %s, want 200", r.Code, r.Body)
				}
				return
			}
			w.refusedWith(r, tt.want)
			if !strings.Contains(r.Body.String(), tt.says) && !strings.Contains(r.Body.String(), strings.ReplaceAll(tt.says, `"`, `\"`)) {
				t.Errorf("%s does not say %q", r.Body, tt.says)
			}
		})
	}
}

// The answer is written by hand. It is what json.Marshal writes, as it does for the publishes of a batch.
func TestTheAnswerToAPublishIsWrittenAsAnyOther(t *testing.T) {
	for _, p := range []published{
		{},
		{ID: "e-1"},
		{Epoch: "k3jX", Offset: 1, Tag: "aB3_dE", ID: "k3jX-1", Duplicate: true, Receivers: 3, ReceiversExact: true, Reach: reach{Live: 1, Parked: 2, Polling: 3, Filtered: 4}},
		{Epoch: `a"b\c`, Offset: 1<<64 - 1, Tag: "<&>", ID: "ä\x00\u2028", Receivers: 1 << 40},
	} {
		if got, want := string(p.appendJSON(nil)), string(asJSON(p)); got != want {
			t.Errorf("%+v: got %s, want %s", p, got, want)
		}
	}
}
