package hooks

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tidings/access"
	"tidings/actors"
	"tidings/internal/memnet"
	"tidings/protocol"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1234567890ab"

// application is a backend in the bubble of a test. It verifies every request.
type application struct {
	t      *testing.T
	client *Client
	answer func(w http.ResponseWriter, r *http.Request, body []byte)

	mu     sync.Mutex
	bodies []string
	ids    []string
	down   bool // it cannot be reached
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	signer, _ := webhooks.NewWebhook(secret)
	content := body
	if caller := r.Header.Get(CallerHeader); caller != "" {
		content = slices.Concat([]byte(r.Method+" "+r.URL.RequestURI()+"\n"+caller+"\n"), body)
	}
	if err := signer.Verify(content, r.Header); err != nil {
		a.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	a.mu.Lock()
	a.bodies, a.ids = append(a.bodies, string(body)), append(a.ids, r.Header.Get(webhooks.HeaderWebhookID))
	a.mu.Unlock()
	a.answer(w, r, body)
}

func (a *application) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.bodies)
}

func (a *application) setDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// with plays fn in a bubble with an application that answers so.
func with(t *testing.T, cfg Config, answer func(w http.ResponseWriter, r *http.Request, body []byte), fn func(a *application)) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t, answer: answer}
		l := memnet.Listen()
		server := &http.Server{Handler: a}
		go server.Serve(l)
		if cfg.URL == "" {
			cfg.URL = "http://app/hooks"
		}
		if cfg.Ask == nil {
			cfg.Ask = All()
		}
		cfg.Secret, cfg.Logger = secret, slog.New(slog.DiscardHandler)
		cfg.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.down {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			return l.Dial(ctx)
		}
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		a.client = c
		fn(a)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.Close(ctx)
		server.Close()
		synctest.Wait()
	})
}

func says(status int, body string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

var ann = actors.Caller{Connection: "c1", Identity: access.NewIdentity("ann", []string{"guest"}, nil, nil)}

func TestWhatIsAsked(t *testing.T) {
	with(t, Config{Cookies: true}, says(204, ""), func(a *application) {
		h := a.client.Hooks()
		ctx := context.Background()
		h.Connect(ctx, protocol.Peer{Transport: "sse", Address: "10.0.0.1", Cookie: "s=1"}, access.Identity{})
		h.Subscribe(ctx, ann, "a/b")
		h.Publish(ctx, ann, &actors.Publish{Channel: "a", Data: []byte(`{"n":1}`), Event: "e"})
		h.Call(ctx, ann, actors.Call{Method: "m", Data: []byte(`[1]`), Key: "key-1"})
		want := []string{
			`{"hook":"connect","transport":"sse","address":"10.0.0.1","cookie":"s=1"}`,
			`{"hook":"subscribe","connection":"c1","user":"ann","roles":["guest"],"channel":"a/b"}`,
			`{"hook":"publish","connection":"c1","user":"ann","roles":["guest"],"channel":"a","event":"e","data":{"n":1}}`,
			`{"hook":"call","connection":"c1","user":"ann","roles":["guest"],"method":"m","data":[1]}`,
		}
		if !slices.Equal(a.bodies, want) {
			t.Errorf("asked\n%s\nwant\n%s", strings.Join(a.bodies, "\n"), strings.Join(want, "\n"))
		}
	})
}

// The id of what has a key is the same for each attempt of a user's, on whatever connection, and never that of another
// user, hook or key.
func TestTheIDOfAKey(t *testing.T) {
	with(t, Config{Routes: []string{"POST /visits"}, RoutesURL: "http://app"}, says(204, ""), func(a *application) {
		h, ctx := a.client.Hooks(), context.Background()
		caller := func(connection, user string) actors.Caller {
			return actors.Caller{Connection: connection, Identity: access.NewIdentity(user, nil, nil, nil)}
		}
		call := func(key string) func(actors.Caller) {
			return func(by actors.Caller) { h.Call(ctx, by, actors.Call{Method: "m", Key: key}) }
		}
		seen := map[string]int{} // by whom
		for i, ask := range []struct {
			first, again actors.Caller
			do           func(by actors.Caller)
		}{
			{caller("c1", "ann"), caller("c2", "ann"), call("order-1")},
			{caller("c1", "bob"), caller("c2", "bob"), call("order-1")},
			{actors.Caller{Connection: "c1"}, actors.Caller{Connection: "c2"}, call("order-1")},
			{caller("c1", `ann","order`), caller("c1", `ann","order`), call("1")},
			{caller("c1", "ann"), caller("c2", "ann"), call("order-2")},
			{caller("c1", "ann"), caller("c2", "ann"), call(strings.Repeat("é", 64))},
			{caller("c1", "ann"), caller("c2", "ann"), func(by actors.Caller) {
				h.Publish(ctx, by, &actors.Publish{Channel: "a", Data: []byte("1"), IdempotencyKey: "order-1"})
			}},
			{caller("c1", "ann"), caller("c2", "ann"), func(by actors.Caller) {
				h.Calls[MethodRoute](ctx, by, actors.Call{Method: MethodRoute, Data: []byte(`{"method":"POST","path":"/visits"}`), Key: "order-1"})
			}},
		} {
			ask.do(ask.first)
			ask.do(ask.again)
			if n := a.asked(); n != 2*i+2 {
				t.Fatalf("%d: asked %d times", i, n)
			}
			first, again := a.ids[2*i], a.ids[2*i+1]
			if first != again || strings.Contains(first, "order") {
				t.Errorf("%d: the ids are %s and %s", i, first, again)
			}
			if j, ok := seen[first]; ok {
				t.Errorf("%d has the id of %d", i, j)
			}
			seen[first] = i
		}
		call("")(ann)
		call("")(ann)
		if n := len(a.ids); a.ids[n-1] == a.ids[n-2] {
			t.Error("two calls without a key have one id")
		}
	})
}

// A cookie is not shown unless that is configured.
func TestCookiesStayHere(t *testing.T) {
	with(t, Config{}, says(204, ""), func(a *application) {
		a.client.Hooks().Connect(context.Background(), protocol.Peer{Cookie: "s=secret"}, access.Identity{})
		if strings.Contains(a.bodies[0], "secret") {
			t.Error(a.bodies[0])
		}
	})
}

func TestAnswers(t *testing.T) {
	subscribe := func(c *Client) error { return c.Hooks().Subscribe(context.Background(), ann, "a") }
	for _, row := range []struct {
		name   string
		status int
		body   string
		want   protocol.Code // "" if it is a yes, "-" for a failure
		reason string
	}{
		{"no content", 204, "", "", ""},
		{"empty object", 200, "{}", "", ""},
		{"no", 403, `{"error":{"message":"not today","hint":"Tomorrow."}}`, protocol.CodeForbidden, "not today"},
		{"no, without words", 403, ``, protocol.CodeForbidden, "the application does not allow it"},
		{"no, in other words", 403, `<html>`, protocol.CodeForbidden, "the application does not allow it"},
		{"who are you", 401, ``, protocol.CodeUnauthorized, "the application does not allow it"},
		{"too often", 429, ``, protocol.CodeRateLimited, "the application does not allow it"},
		{"it failed", 500, ``, "-", ""},
		{"a redirect is not followed", 302, ``, "-", ""},
		{"longer than allowed", 200, strings.Repeat(" ", maxAnswer+1), "-", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			with(t, Config{}, says(row.status, row.body), func(a *application) {
				err := subscribe(a.client)
				var fault *protocol.Error
				switch {
				case row.want == "" && err != nil, row.want == "-" && (err == nil || errors.As(err, &fault)):
					t.Errorf("%v", err)
				case row.want != "" && row.want != "-" && (!errors.As(err, &fault) || fault.Code != row.want || fault.Reason != row.reason):
					t.Errorf("%v, want %s: %s", err, row.want, row.reason)
				}
			})
		})
	}
}

func TestWhoAClientIs(t *testing.T) {
	token := access.NewIdentity("ann", nil, nil, nil)
	for _, row := range []struct {
		name, body string
		id         access.Identity
		want       string // user and roles; "-" for a failure
	}{
		{"a session", `{"user":"bob","roles":["admin"],"claims":{"tenant":["t1"]}}`, access.Identity{}, "bob [admin] [t1]"},
		{"nobody", `{}`, access.Identity{}, " [] []"},
		{"of a token", `{}`, token, "ann [] []"},
		{"of a token, again", `{"user":"ann"}`, token, "ann [] []"},
		{"another than the token's", `{"user":"bob"}`, token, "-"},
		{"more than the token says", `{"user":"ann","roles":["admin"]}`, token, "-"},
		{"roles of nobody", `{"roles":["admin"]}`, access.Identity{}, "-"},
		{"an empty user", `{"user":""}`, access.Identity{}, "-"},
		{"a field that does not exist", `{"usr":"bob"}`, access.Identity{}, "-"},
		{"not JSON", `bob`, access.Identity{}, "-"},
	} {
		t.Run(row.name, func(t *testing.T) {
			with(t, Config{}, says(200, row.body), func(a *application) {
				id, err := a.client.Hooks().Connect(context.Background(), protocol.Peer{}, row.id)
				got := fmt.Sprint(id.User, " ", id.Roles(), " ", id.Claim("tenant"))
				if err != nil {
					got = "-"
				}
				if got != row.want {
					t.Errorf("%s (%v), want %s", got, err, row.want)
				}
			})
		})
	}
}

func TestRevision(t *testing.T) {
	with(t, Config{}, says(200, `{"channel":"b","event":"","data":{"n":2}}`), func(a *application) {
		p := &actors.Publish{Channel: "a", Event: "e", Data: []byte(`1`)}
		if err := a.client.Hooks().Publish(context.Background(), ann, p); err != nil || p.Channel != "b" || p.Event != "" || string(p.Data) != `{"n":2}` {
			t.Errorf("%+v %v", p, err)
		}
	})
}

// A question that changes nothing is put again where that may help; what may have been carried out is not.
func TestRetries(t *testing.T) {
	for _, row := range []struct {
		name  string
		ask   func(h actors.Hooks) error
		asked int
	}{
		{"subscribe", func(h actors.Hooks) error { return h.Subscribe(context.Background(), ann, "a") }, 2},
		{"publish", func(h actors.Hooks) error { return h.Publish(context.Background(), ann, &actors.Publish{Channel: "a"}) }, 1},
		{"call", func(h actors.Hooks) error {
			_, err := h.Call(context.Background(), ann, actors.Call{Method: "m"})
			if !errors.Is(err, errLost) {
				t.Errorf("a lost call: %v", err)
			}
			return err
		}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			with(t, Config{}, says(503, ""), func(a *application) {
				if err := row.ask(a.client.Hooks()); err == nil || a.asked() != row.asked {
					t.Errorf("%v, asked %d times, want %d", err, a.asked(), row.asked)
				}
			})
		})
	}
	t.Run("what never arrived", func(t *testing.T) {
		with(t, Config{}, says(200, `{"data":1}`), func(a *application) {
			a.setDown(true)
			if _, err := a.client.Hooks().Call(context.Background(), ann, actors.Call{Method: "m"}); !errors.Is(err, errUnsent) {
				t.Errorf("%v, want errUnsent", err)
			}
		})
	})
}

// An application that hangs costs a client the timeout; one that keeps failing is left alone for 5 s, and costs nothing
// meanwhile.
func TestTheBreaker(t *testing.T) {
	var well atomic.Bool
	with(t, Config{Timeout: time.Second}, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if !well.Load() {
			<-r.Context().Done()
		}
	}, func(a *application) {
		ask := func() (time.Duration, error) {
			start := time.Now()
			err := a.client.Hooks().Subscribe(context.Background(), ann, "a")
			return time.Since(start), err
		}
		for i := range 5 {
			if d, err := ask(); err == nil || d != time.Second {
				t.Fatalf("question %d: %v after %v, want a failure after 1 s", i, err, d)
			}
		}
		well.Store(true)
		if d, err := ask(); err == nil || d != 0 {
			t.Errorf("then: %v after %v, want a failure at once", err, d)
		}
		time.Sleep(6 * time.Second)
		if _, err := ask(); err != nil {
			t.Errorf("6 s later: %v", err)
		}
	})
}

// No more than so many are under way at once; who has no turn in time is not sent.
func TestConcurrency(t *testing.T) {
	with(t, Config{MaxConcurrent: 2, Timeout: time.Second}, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		<-r.Context().Done()
	}, func(a *application) {
		for range 4 {
			go a.client.Hooks().Subscribe(context.Background(), ann, "a")
		}
		time.Sleep(time.Second / 2)
		if n := a.asked(); n != 2 {
			t.Errorf("%d are under way, want 2", n)
		}
		time.Sleep(time.Second)
	})
}

type posted struct {
	Node   string
	Events []event
}

// Events come at least once, in order, with numbers, over any outage that the queue can hold; what it cannot shows in
// the numbers.
func TestEvents(t *testing.T) {
	var got []event
	nodes := map[string]bool{}
	with(t, Config{MaxEvents: 150}, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		var p posted
		if err := json.Unmarshal(body, &p); err != nil {
			t.Error(err)
		}
		nodes[p.Node] = true
		got = append(got, p.Events...)
	}, func(a *application) {
		tell := a.client.Hooks().Tell
		tell(actors.Event{What: actors.EventConnected, Time: time.Now(), Connection: "c1", User: "ann"})
		synctest.Wait()
		a.setDown(true)
		a.client.http.CloseIdleConnections()
		for i := range 200 {
			tell(actors.Event{What: actors.EventOccupied, Channel: protocol.Channel(fmt.Sprint("ch", i))})
		}
		time.Sleep(time.Minute)
		if s := a.client.Hooks().Told(); s != (actors.EventCount{Sent: 1, Lost: 50, Waiting: 150}) {
			t.Errorf("while it is down: %+v", s)
		}
		a.setDown(false)
		time.Sleep(time.Minute)
		tell(actors.Event{What: actors.EventVacated, Channel: "last"})
		synctest.Wait()
	})
	if len(got) != 152 || len(nodes) != 1 {
		t.Fatalf("%d events of %d nodes, want 152 of 1", len(got), len(nodes))
	}
	for i, e := range got[:151] {
		if e.Number != uint64(i+1) {
			t.Fatalf("event %d has number %d", i, e.Number)
		}
	}
	if last := got[151]; last.Number != 202 || last.Channel != "last" || got[0].User != "ann" {
		t.Errorf("first %+v, last %+v, want number 202: 50 were lost", got[0], last)
	}
}

// What waits at the end is still sent.
func TestCloseSendsWhatWaits(t *testing.T) {
	var n int
	with(t, Config{}, func(_ http.ResponseWriter, _ *http.Request, body []byte) {
		var p posted
		json.Unmarshal(body, &p)
		n += len(p.Events)
	}, func(a *application) {
		for range 250 {
			a.client.Hooks().Tell(actors.Event{What: actors.EventConnected})
		}
	})
	if n != 250 {
		t.Errorf("%d events, want 250", n)
	}
}

func TestRoutes(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request, body []byte) {
		caller, _ := base64.RawURLEncoding.DecodeString(r.Header.Get(CallerHeader))
		if r.URL.Path == "/app/text" {
			io.WriteString(w, "plain")
			return
		}
		w.WriteHeader(201)
		json.NewEncoder(w).Encode([]string{r.Method, r.URL.RequestURI(), string(body), string(caller)})
	}
	cfg := Config{Ask: []string{}, RoutesURL: "http://app/app/", Routes: []string{"GET /visits/*", "POST /visits", "DELETE /visits/*", "GET /text"}}
	by := `{\"connection\":\"c1\",\"user\":\"ann\",\"roles\":[\"guest\"]}`
	with(t, cfg, answer, func(a *application) {
		for _, row := range []struct {
			data, want string
			code       protocol.Code
		}{
			{`{"path":"/visits/42"}`, `{"status":201,"body":["GET","/app/visits/42","","` + by + `"]}`, ""},
			{`{"method":"get","path":"/visits/42","input":{"a":"ä b","n":1}}`, `{"status":201,"body":["GET","/app/visits/42?a=%C3%A4+b\u0026n=1","","` + by + `"]}`, ""},
			{`{"method":"POST","path":"/visits","input":{"a":1}}`, `{"status":201,"body":["POST","/app/visits","{\"a\":1}","` + by + `"]}`, ""},
			{`{"path":"/text"}`, `{"status":200,"body":"plain"}`, ""},
			{`{"method":"POST","path":"/visits/42"}`, "", protocol.CodeForbidden},
			{`{"method":"PUT","path":"/visits"}`, "", protocol.CodeForbidden},
			{`{"path":"/visits/../admin"}`, "", protocol.CodeForbidden},
			{`{"path":"/visits/%2e%2e"}`, "", protocol.CodeForbidden},
			{`{"path":"/visits/1?admin=1"}`, "", protocol.CodeForbidden},
			{`{"path":"//evil/visits"}`, "", protocol.CodeForbidden},
			{`{"path":"visits/1"}`, "", protocol.CodeForbidden},
			{`{"path":"http://evil/"}`, "", protocol.CodeForbidden},
			{`{"url":"/visits/1"}`, "", protocol.CodeUnknownField},
			{`{"path":"/visits/1","input":{"a":{}}}`, "", protocol.CodeBadRequest},
			{`5`, "", protocol.CodeBadRequest},
		} {
			got, err := a.client.Hooks().Calls[MethodRoute](context.Background(), ann, actors.Call{Method: MethodRoute, Data: []byte(row.data)})
			var fault *protocol.Error
			errors.As(err, &fault)
			text := strings.ReplaceAll(string(got), "\n", "")
			if row.code == "" && (err != nil || text != row.want) || row.code != "" && (fault == nil || fault.Code != row.code) {
				t.Errorf("%s:\n got %s %v\nwant %s %s", row.data, text, err, row.want, row.code)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	good := Config{URL: "http://127.0.0.1:3000/tidings", Ask: []string{Subscribe}, Secret: secret}
	for _, row := range []struct {
		name   string
		change func(c *Config)
		want   string // of the error; "": none
	}{
		{"good", func(*Config) {}, ""},
		{"no secret", func(c *Config) { c.Secret = "" }, "Secret"},
		{"a short secret", func(c *Config) { c.Secret = "whsec_c2hvcnQ=" }, "Secret"},
		{"a secret without its prefix", func(c *Config) { c.Secret = secret[6:] }, "Secret"},
		{"nothing to ask", func(c *Config) { c.Ask = nil }, "Ask"},
		{"an unknown hook", func(c *Config) { c.Ask = []string{"conect"} }, `"conect"`},
		{"no URL", func(c *Config) { c.URL = "" }, "URL"},
		{"a file", func(c *Config) { c.URL = "file:///etc/passwd" }, "URL"},
		{"a password in the URL", func(c *Config) { c.URL = "http://a:b@app/" }, "URL"},
		{"a timeout that is too long", func(c *Config) { c.Timeout = time.Minute }, "Timeout"},
		{"a route without a URL", func(c *Config) { c.Routes = []string{"GET /a"} }, "RoutesURL"},
		{"a route without a method", func(c *Config) { c.RoutesURL = "http://app"; c.Routes = []string{"/a"} }, "Routes"},
		{"a route twice", func(c *Config) { c.RoutesURL = "http://app"; c.Routes = []string{"GET /a/*", "GET /a/*"} }, "Routes"},
		{"a route with a placeholder", func(c *Config) { c.RoutesURL = "http://app"; c.Routes = []string{"GET /a/{user}"} }, "{user}"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := good
			row.change(&cfg)
			c, err := New(cfg)
			if err == nil {
				c.Close(context.Background())
			}
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), secret[8:]) {
				t.Error("the error shows the secret")
			}
		})
	}
}
