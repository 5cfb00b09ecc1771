package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/documents"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/relay"
	"tidings/store/sqlite"
	"tidings/store/storetest"
)

// startDocuments builds a world with a store and its relay.
func startDocuments(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	s, err := sqlite.Open(sqlite.Config{Path: filepath.Join(storetest.Folder(t), "d.db"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := start(t, append(change, func(c *Config) { c.Documents = Documents{Store: s} })...)
	r := relay.New(relay.Config{Store: s, Log: slog.New(slog.DiscardHandler), Publish: func(ctx context.Context, p broker.Publish) error {
		_, err := w.bus.Publish(ctx, actors.Publish(p))
		return err
	}})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { r.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return w
}

const cars = "/api/documents/city/cars"

func (w *world) put(id, content string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	return w.do(request{method: "PUT", path: cars + "/" + url.PathEscape(id), body: content, header: headerOf(header)})
}

func headerOf(pairs []string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = []string{pairs[i+1]}
	}
	return h
}

// written decodes the answer to a write of one document.
func (w *world) written(r *httptest.ResponseRecorder) (a struct {
	Event, ID string
	Version   uint64
	Document  map[string]any
}) {
	w.Helper()
	w.ok(r, &a)
	if tag := r.Header().Get("ETag"); tag != fmt.Sprintf(`"%d"`, a.Version) {
		w.Errorf("the ETag is %s of version %d", tag, a.Version)
	}
	return a
}

func TestDocumentRequests(t *testing.T) {
	w := startDocuments(t)
	first := w.written(w.put("a", `{"n": 1, "o": {"x": 1}}`))
	if first.Event != "created" || first.Document["n"] != 1.0 || first.Document["_id"] != "a" {
		t.Errorf("PUT: %+v", first)
	}
	if again := w.written(w.put("a", `{"n":2,"o":{"x":1}}`)); again.Event != "updated" {
		t.Errorf("PUT again: %+v", again)
	}
	patched := w.written(w.do(request{method: "PATCH", path: cars + "/a?user=ann", body: `{"o":{"y":2}}`}))
	if patched.Event != "patched" || fmt.Sprint(patched.Document["o"]) != "map[x:1 y:2]" || patched.Document["_info"].(map[string]any)["updater"] != "ann" {
		t.Errorf("PATCH: %+v", patched)
	}
	var got map[string]any
	r := w.get(cars + "/a")
	if w.ok(r, &got); got["n"] != 2.0 || r.Header().Get("ETag") != fmt.Sprintf(`"%d"`, patched.Version) {
		t.Errorf("GET: %v", got)
	}
	drawn := w.written(w.do(request{path: cars, body: `{"n":3}`}))
	if drawn.Event != "created" || drawn.ID == "" {
		t.Errorf("POST: %+v", drawn)
	}
	if upserted := w.written(w.do(request{method: "PATCH", path: cars + "/u?upsert=true", body: `{"n":4}`})); upserted.Event != "created" {
		t.Errorf("PATCH with upsert: %+v", upserted)
	}
	if removed := w.written(w.do(request{method: "DELETE", path: cars + "/a"})); removed.Event != "removed" || removed.Document["n"] != 2.0 {
		t.Errorf("DELETE: %+v", removed)
	}
	w.refusedWith(w.get(cars+"/a"), protocol.CodeNotFound)
	w.refusedWith(w.do(request{method: "DELETE", path: cars + "/a"}), protocol.CodeNotFound)
	w.refusedWith(w.do(request{method: "PATCH", path: cars + "/a", body: `{}`}), protocol.CodeNotFound)
}

func TestDocumentConditions(t *testing.T) {
	w := startDocuments(t)
	version := w.written(w.put("a", `{}`)).Version
	current := func(r *httptest.ResponseRecorder) {
		w.Helper()
		w.refusedWith(r, protocol.CodeVersionConflict)
		if tag := r.Header().Get("ETag"); tag != fmt.Sprintf(`"%d"`, version) || !strings.Contains(r.Body.String(), fmt.Sprint("version ", version)) {
			w.Errorf("B108 the answer has ETag %s, and says %s; the current version is %d", tag, r.Body, version)
		}
	}
	t.Run("B108 a wrong version", func(t *testing.T) {
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			q := request{method: method, path: cars + "/a", header: headerOf([]string{"If-Match", `"999"`})}
			if method != "DELETE" {
				q.body = `{}`
			}
			current(w.in(t).do(q))
		}
		current(w.in(t).put("a", `{}`, "If-None-Match", "*"))
	})
	version = w.written(w.put("a", `{}`, "If-Match", fmt.Sprint(version))).Version
	version = w.written(w.put("a", `{}`, "If-Match", `*`)).Version
	w.refusedWith(w.put("b", `{}`, "If-Match", `*`), protocol.CodeNotFound)
	w.refusedWith(w.put("b", `{}`, "If-Match", `"5"`), protocol.CodeNotFound)
	for _, h := range [][]string{{"If-Match", `W/"1"`}, {"If-Match", `"0"`}, {"If-Match", `"1", "2"`}, {"If-Match", ""}, {"If-None-Match", `"1"`}, {"If-Match", "*", "If-None-Match", "*"}} {
		w.refusedWith(w.put("a", `{}`, h...), protocol.CodeBadRequest)
	}
	w.refusedWith(w.do(request{path: cars, body: `{}`, header: headerOf([]string{"If-Match", "*"})}), protocol.CodeBadRequest)
	w.refusedWith(w.do(request{method: "PATCH", path: cars + "/a?upsert=true", body: `{}`, header: headerOf([]string{"If-Match", "*"})}), protocol.CodeBadRequest)
}

func TestDocumentNames(t *testing.T) {
	w := startDocuments(t)
	for _, id := range []string{"../x", "a+b", "a b", "a%2Fb", "🚕", "_search", "a/b"} {
		t.Run("B106 id "+id, func(t *testing.T) {
			w := w.in(t)
			if got := w.written(w.put(id, `{}`)); got.ID != id {
				t.Errorf("it is kept as %q", got.ID)
			}
			var found map[string]any
			if w.ok(w.get(cars+"/"+url.PathEscape(id)), &found); found["_id"] != id {
				t.Errorf("it is found as %q", found["_id"])
			}
		})
	}
	for _, text := range []string{`'; DROP TABLE documents; --`, `" OR 1=1 --`, `$."a"`} {
		t.Run("B109 "+text, func(t *testing.T) {
			w := w.in(t)
			quoted, _ := json.Marshal(text)
			w.written(w.put(text, fmt.Sprintf(`{"sql":%s,%s:1}`, quoted, quoted)))
			var found documents.ChangedMany
			w.ok(w.do(request{path: cars + "/_by_query", body: fmt.Sprintf(`{"filter":{"and":[{"equals":{"sql":%s}},{"exists":%s}]},"action":"removeFields","fields":[%s]}`, quoted, quoted, quoted)}), &found)
			if found.Changed != 1 {
				t.Errorf("%s finds %+v", text, found)
			}
		})
	}
	for _, path := range []string{"/.", "/..", "/__proto__", "/a%00b", "/" + strings.Repeat("x", 129), "/%ff"} {
		t.Run("B106 id of "+path[:min(len(path), 12)], func(t *testing.T) {
			w.in(t).refusedWith(w.do(request{method: "PUT", path: cars + path, body: `{}`}), protocol.CodeBadRequest)
		})
	}
	for _, path := range []string{"/api/documents/City/cars/a", "/api/documents/city/ca%20rs/a", "/api/documents/.city/cars/a", "/api/documents/city/" + strings.Repeat("x", 65) + "/a", "/api/documents/ci%2Fty/cars/a", "/api/documents/city/**/a"} {
		w.refusedWith(w.do(request{method: "PUT", path: path, body: `{}`}), protocol.CodeBadRequest)
	}
}

func TestDocumentBodies(t *testing.T) {
	w := startDocuments(t)
	for _, c := range []struct {
		name, body string
		code       protocol.Code
	}{
		{"B107 too long", `{"t":"` + strings.Repeat("x", protocol.MaxPayloadBytes) + `"}`, protocol.CodeTooLarge},
		{"B107 depth 33", strings.Repeat(`{"a":`, 32) + `{}` + strings.Repeat("}", 32), protocol.CodeBadJSON},
		{"B107 10,001 tokens", `{"a":[` + strings.Repeat("1,", 9_996) + `1]}`, protocol.CodeBadJSON},
		{"no object", `7`, protocol.CodeBadRequest},
		{"the store's members", `{"_id":"b"}`, protocol.CodeBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) { w.in(t).refusedWith(w.put("a", c.body), c.code) })
	}
	for _, c := range []struct {
		path, body string
		code       protocol.Code
	}{
		{"/_search", `{"filter":{"equals":{}}}`, protocol.CodeBadFilter},
		{"/_search", `{"limit":257}`, protocol.CodeBadRequest},
		{"/_search", `{"limit":0}`, protocol.CodeBadRequest},
		{"/_search", `{"after":"x"}`, protocol.CodeBadCursor},
		{"/_search", `{"sort":"n"}`, protocol.CodeBadRequest},
		{"/_search", `{"offset":10}`, protocol.CodeUnknownField},
		{"/_bulk", `{"operations":[]}`, protocol.CodeBadRequest},
		{"/_bulk", `{}`, protocol.CodeBadRequest},
		{"/_bulk", `{"operations":[{"action":"put","name":"a"}]}`, protocol.CodeUnknownField},
		{"/_bulk", `{"operations":[` + strings.Repeat(`{},`, 1000) + `{}]}`, protocol.CodeBadRequest},
		{"/_by_query", `{"action":"remove"}`, protocol.CodeBadRequest},
		{"/_by_query", `{"filter":{},"action":"put","content":{}}`, protocol.CodeBadRequest},
		{"/_by_query", `{"filter":{},"action":"patch","content":[]}`, ""},
		{"?silent=yes", `{}`, protocol.CodeBadRequest},
		{"?user=", `{}`, protocol.CodeBadRequest},
		{"?id=a", `{}`, protocol.CodeUnknownField},
	} {
		r := w.do(request{path: cars + c.path, body: c.body})
		if c.code == "" {
			continue
		}
		t.Run(c.path+" "+c.body[:min(40, len(c.body))], func(t *testing.T) { w.in(t).refusedWith(r, c.code) })
	}
}

func TestDocumentBulk(t *testing.T) {
	w := startDocuments(t)
	var done documents.Bulked
	body := `{"operations":[
		{"action":"create","id":"a","content":{"n":1}}, {"action":"upsert","id":"b","content":{"n":2},"default":{"m":0}}, {"action":"patch","id":"nobody","content":{}},
		{"action":"removeFields","id":"b","fields":["m"]}, {"action":"replace","id":"a","content":{"n":9},"version":77}, {"action":"drop","id":"a"}, {"action":"truncate"}
	], "user":"ann", "meta":{"why":"test"}, "idempotencyKey":"k"}`
	w.ok(w.do(request{path: cars + "/_bulk", body: body}), &done)
	var got []string
	for _, r := range done.Results {
		text := string(r.Event)
		if r.Error != nil {
			text = string(r.Error.Code)
		}
		got = append(got, r.ID+" "+text)
	}
	if text := strings.Join(got, ", "); text != "a created, b created, nobody not_found, b patched, a version_conflict, a bad_request,  bad_request" {
		t.Errorf("got %s", text)
	}
	first := w.do(request{path: cars + "/_bulk", body: body}).Body.String()
	if again := w.do(request{path: cars + "/_bulk", body: body}).Body.String(); again != first {
		t.Errorf("the repetition was answered %s, after %s", again, first)
	}
	w.refusedWith(w.do(request{path: cars + "/_bulk", body: strings.Replace(body, "ann", "ben", 1)}), protocol.CodeIdempotencyConflict)
	var page struct {
		Documents []struct {
			ID string `json:"_id"`
			N  int
		}
		Next  string
		Total int
	}
	w.ok(w.do(request{path: cars + "/_search", body: `{"filter":{"range":{"n":{"gte":1}}},"sort":["-n"],"limit":1,"count":true}`}), &page)
	if len(page.Documents) != 1 || page.Documents[0].ID != "b" || page.Total != 2 || page.Next == "" {
		t.Errorf("found %+v", page)
	}
	var changed documents.ChangedMany
	w.ok(w.do(request{path: cars + "/_by_query", body: `{"filter":{"equals":{"n":2}},"action":"remove"}`}), &changed)
	if changed != (documents.ChangedMany{Matched: 1, Changed: 1, Complete: true}) {
		t.Errorf("removed %+v", changed)
	}
}

// A document's life is in the history of its collection's channel, in order, with what a change has; nobody can
// publish such a message otherwise.
func TestDocumentMessages(t *testing.T) {
	w := startDocuments(t)
	w.written(w.put("a", `{"free":true}`))
	w.written(w.do(request{method: "PUT", path: cars + "/silent?silent=true", body: `{}`}))
	w.written(w.do(request{method: "PATCH", path: cars + "/a", body: `{"free":false}`}))
	w.written(w.do(request{method: "DELETE", path: cars + "/a"}))
	var page struct {
		Messages []struct {
			Event, Scope string
			Change       uint64
			Changed      []string
			Data         map[string]any
		}
	}
	for late := time.Now().Add(time.Minute); len(page.Messages) < 3 && time.Now().Before(late); {
		w.ok(w.get("/api/history?channel=documents/city/cars"), &page)
	}
	if len(page.Messages) != 3 {
		t.Fatalf("history has %+v", page.Messages)
	}
	created, patched, removed := page.Messages[0], page.Messages[1], page.Messages[2]
	if created.Event != "created" || created.Change == 0 || created.Data["_id"] != "a" || created.Scope != "" {
		t.Errorf("created: %+v", created)
	}
	if patched.Event != "patched" || patched.Change <= created.Change || fmt.Sprint(patched.Changed) != "[free]" {
		t.Errorf("patched: %+v", patched)
	}
	if removed.Event != "removed" || removed.Change <= patched.Change || removed.Data["free"] != false || removed.Scope != "out" {
		t.Errorf("removed: %+v", removed)
	}
	w.refusedWith(w.publish(`{"channel":"documents/city/cars","data":{},"change":7}`), protocol.CodeUnknownField)
}

func TestDocumentKeys(t *testing.T) {
	keys, err := access.NewKeys(key, "cars a-key-for-cars-0123456789 documents=documents/city/cars", "reader a-key-to-read-0123456789 read=** publish=**")
	if err != nil {
		t.Fatal(err)
	}
	w := startDocuments(t, func(c *Config) { c.Keys = keys })
	defer func() {
		w.written(w.do(request{method: "PUT", path: "/api/documents/shop/orders/a", body: `{}`}))
		for secret, want := range map[string]string{"a-key-for-cars-0123456789": `{"collections":["city/cars"]}`, key: `{"collections":["city/cars","shop/orders"]}`} {
			r := w.do(request{method: "GET", path: "/api/documents", header: headerOf([]string{"Authorization", "Bearer " + secret})})
			if r.Body.String() != want {
				t.Errorf("the collections of %s: %s, want %s", secret, r.Body, want)
			}
		}
		if r := w.get("/api/documents?limit=1"); r.Body.String() != `{"collections":["city/cars"],"next":"city/cars"}` {
			t.Errorf("the first page: %s", r.Body)
		}
		if r := w.get("/api/documents?limit=1&after=city/cars"); r.Body.String() != `{"collections":["shop/orders"]}` {
			t.Errorf("the second page: %s", r.Body)
		}
		w.refusedWith(w.get("/api/documents?after=City"), protocol.CodeBadRequest)
		w.refusedWith(w.do(request{method: "GET", path: "/api/documents", header: headerOf([]string{"Authorization", "Bearer a-key-to-read-0123456789"})}), protocol.CodeForbidden)
	}()
	with := func(secret, path string) *httptest.ResponseRecorder {
		return w.do(request{method: "PUT", path: path, body: `{}`, header: headerOf([]string{"Authorization", "Bearer " + secret})})
	}
	w.written(with("a-key-for-cars-0123456789", cars+"/a"))
	w.refusedWith(with("a-key-for-cars-0123456789", "/api/documents/city/buses/a"), protocol.CodeForbidden)
	w.refusedWith(with("a-key-to-read-0123456789", cars+"/a"), protocol.CodeForbidden)
	w.refusedWith(w.do(request{path: "/api/publish", body: `{"channel":"documents/city/cars","data":1}`, header: headerOf([]string{"Authorization", "Bearer a-key-for-cars-0123456789"})}), protocol.CodeForbidden)
}

func TestNoDocuments(t *testing.T) {
	w := start(t)
	w.refusedWith(w.put("a", `{}`), protocol.CodeUnsupported)
	w.refusedWith(w.get(cars+"/a"), protocol.CodeUnsupported)
}

// A write that is repeated with its key has one effect, and the answer of then.
func TestDocumentIdempotency(t *testing.T) {
	w := startDocuments(t)
	once := func(body string) *httptest.ResponseRecorder {
		return w.do(request{path: cars, body: body, header: headerOf([]string{"Idempotency-Key", "k1"})})
	}
	first := w.written(once(`{"n":1}`))
	if again := w.written(once(`{"n":1}`)); again.ID != first.ID || again.Version != first.Version {
		t.Errorf("the repetition made %+v, the first %+v", again, first)
	}
	w.refusedWith(once(`{"n":2}`), protocol.CodeIdempotencyConflict)
	w.refusedWith(w.do(request{path: cars + "/_by_query", body: `{"filter":{},"action":"remove"}`, header: headerOf([]string{"Idempotency-Key", "k2"})}), protocol.CodeBadRequest)
}

// A store that fails is said as what it is.
func TestDocumentFaults(t *testing.T) {
	full := &protocol.Error{Code: protocol.CodeStorageFull, Reason: "full", Hint: "make space"}
	w := start(t, func(c *Config) { c.Documents = Documents{Store: failing{err: full}} })
	t.Run("F37 storage_full is 507", func(t *testing.T) {
		w.in(t).refusedWith(w.put("a", `{}`), protocol.CodeStorageFull)
	})
	if text := w.do(request{path: "/metrics"}).Body.String(); !strings.Contains(text, "tidings_documents_read_only 1") {
		t.Error("/metrics does not say that the store is read-only")
	}
}

// What is wrong with the documents is said where operators look, and is no reason to send clients elsewhere.
func TestReadyNotesDocuments(t *testing.T) {
	for _, tt := range []struct {
		lag  time.Duration
		bad  bool
		want string
	}{
		{lag: 4999 * time.Millisecond, want: `{"status":"ready"}`},
		{lag: 72500 * time.Millisecond, want: `{"status":"ready","notes":["a change of a document waits for 1m12s to be published, of 7"]}`},
		{bad: true, want: `{"status":"ready","notes":["the disk of the documents failed, and nothing is written until the server is restarted"]}`},
	} {
		w := start(t, func(c *Config) {
			c.Documents = Documents{Store: idleStore{stats: store.Stats{Waiting: 7, ReadOnly: tt.bad}}, Lag: func() time.Duration { return tt.lag }}
		})
		if r := w.get("/readyz"); r.Code != http.StatusOK || r.Body.String() != tt.want {
			t.Errorf("lag %v, failed %v: %d %s, want %s", tt.lag, tt.bad, r.Code, r.Body, tt.want)
		}
	}
}

type idleStore struct {
	store.Store
	stats store.Stats
}

func (s idleStore) Stats() store.Stats { return s.stats }

type failing struct {
	store.Store
	err error
}

func (f failing) Write(context.Context, store.Write) ([]store.Result, error) { return nil, f.err }
func (f failing) Stats() store.Stats                                         { return store.Stats{ReadOnly: true} }

// A collection is made, emptied and dropped, and documents are imported, of which nobody is told.
func TestCollections(t *testing.T) {
	w := startDocuments(t)
	w.refusedWith(w.do(request{method: "POST", path: cars + "/_truncate"}), protocol.CodeNotFound)
	w.refusedWith(w.do(request{method: "DELETE", path: cars}), protocol.CodeNotFound)
	var made documents.Managed
	w.ok(w.do(request{method: "PUT", path: cars}), &made)
	if r := w.get("/api/documents"); made != (documents.Managed{Collection: "city/cars"}) || r.Body.String() != `{"collections":["city/cars"]}` {
		t.Errorf("making it: %+v, and then there are %s", made, r.Body)
	}
	var done documents.Imported
	body := `{"documents":[{"_id":"a","_version":7,"_info":{"author":"ben"},"n":1,"ä\"":{"x":[1]}},{"n":2},{"_id":"b","t":"` + strings.Repeat("x", protocol.MaxPayloadBytes-50) + `"},{"_id":"c"}],"user":"ann"}`
	w.ok(w.do(request{path: cars + "/_import", body: body}), &done)
	if done.Imported != 3 || len(done.Refused) != 1 || done.Refused[0].At != 2 || done.Refused[0].ID != "b" || done.Refused[0].Error.Code != protocol.CodeTooLarge {
		t.Errorf("imported %+v", done)
	}
	if text := w.get(cars + "/a").Body.String(); !strings.Contains(text, `"author":"ann"`) || !strings.Contains(text, `"n":1,"ä\"":{"x":[1]}`) {
		t.Errorf("the imported document is %s", text)
	}
	w.written(w.put("heard", `{}`))
	truncate := func() (m documents.Managed) {
		w.ok(w.do(request{method: "POST", path: cars + "/_truncate", header: headerOf([]string{"Idempotency-Key", "once"})}), &m)
		return m
	}
	emptied := truncate()
	later := w.written(w.put("later", `{}`))
	if again := truncate(); again != emptied || emptied.Change == 0 || later.Version <= emptied.Change {
		t.Errorf("truncated with change %+v, then again %+v; the next write has %d", emptied, again, later.Version)
	}
	var dropped documents.Managed
	w.ok(w.do(request{method: "DELETE", path: cars}), &dropped)
	if r := w.get("/api/documents"); r.Body.String() != `{"collections":[]}` || dropped.Change <= later.Version {
		t.Errorf("dropped with change %d, and then there are %s", dropped.Change, r.Body)
	}
	var page struct {
		Messages []struct {
			Event  string
			Change uint64
			Data   any
		}
	}
	for late := time.Now().Add(time.Minute); len(page.Messages) < 4 && time.Now().Before(late); {
		w.ok(w.get("/api/history?channel=documents/city/cars"), &page)
	}
	var events []string
	for _, m := range page.Messages {
		events = append(events, m.Event)
	}
	if fmt.Sprint(events) != "[created reset created reset]" || page.Messages[1].Change != emptied.Change || page.Messages[3].Change != dropped.Change {
		t.Errorf("the channel has %v: %+v", events, page.Messages)
	}
	for _, body := range []string{`{"documents":[]}`, `{"documents":[{"_id":7}]}`, `{"documents":[{"_id":""}]}`, `{"documents":[[]]}`, `{"documents":[` + strings.Repeat(`{},`, 1000) + `{}]}`} {
		w.refusedWith(w.do(request{path: cars + "/_import", body: body}), protocol.CodeBadRequest)
	}
	w.refusedWith(w.do(request{path: cars + "/_import", body: `{"documents":[{}],"silent":true}`}), protocol.CodeUnknownField)
	w.refusedWith(w.do(request{method: "POST", path: cars + "/_truncate?silent=true"}), protocol.CodeUnknownField)
	w.refusedWith(w.do(request{path: cars + "/_import", body: `{"documents":["` + strings.Repeat("x", protocol.MaxAPIBodyBytes) + `"]}`}), protocol.CodeTooLarge)
}
