// An application with sessions of its own behind Tidings: the same as ../node/server.mjs.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type app struct {
	bus, key string
	pages    []byte // the secret that connection ids are signed with
	html     *template.Template
	signer   *webhooks.Webhook

	mu       sync.Mutex          // guards the rest
	sessions map[string]*session // by their key, which the cookie holds
	visits   []visit
	last     map[string]uint64 // number of the last event that was taken, by node
}

type session struct {
	user  string
	desks map[string]bool
}

type visit struct{ Name, By string }

type question struct {
	Hook, Connection, User, Channel, Method, Cookie, Node string
	Events                                                []struct {
		Number                           uint64
		Event, Channel, Connection, User string
	}
}

func main() {
	signer, err := webhooks.NewWebhook(os.Getenv("HOOK_SECRET"))
	if err != nil {
		log.Fatal("HOOK_SECRET: ", err)
	}
	page, err := os.ReadFile(or(os.Getenv("PAGE"), "../page.html"))
	if err != nil {
		log.Fatal(err)
	}
	text := strings.NewReplacer("{{connection id}}", "{{.ID}}", "{{desks}}", "{{.Desks}}").Replace(string(page))
	a := &app{
		bus: or(os.Getenv("TIDINGS"), "http://127.0.0.1:8080"), key: os.Getenv("TIDINGS_API_KEY"), pages: []byte(os.Getenv("PAGE_SECRET")), signer: signer,
		html: template.Must(template.New("page").Parse(text)), sessions: map[string]*session{}, last: map[string]uint64{},
	}
	http.HandleFunc("GET /{$}", a.page)
	http.HandleFunc("GET /desk/{desk}", a.page)
	http.HandleFunc("POST /follow/{desk}", a.follow)
	http.HandleFunc("POST /login", a.login)
	http.HandleFunc("POST /logout", a.logout)
	http.HandleFunc("POST /hooks", a.hooks)
	http.HandleFunc("POST /visits", a.arrive)
	l, err := net.Listen("tcp", "127.0.0.1:"+or(os.Getenv("PORT"), "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(l, nil))
}

// page renders the page of a session. One that opens a desk hears of it, although its socket does not exist yet.
func (a *app) page(w http.ResponseWriter, r *http.Request) {
	key, s := a.sessionOf(r)
	if desk := r.PathValue("desk"); s != nil && desk != "" && !a.put(w, key, s, desk) {
		return
	}
	var view struct{ ID, Desks string }
	if s != nil {
		a.mu.Lock()
		view.ID, view.Desks = a.connectionID(key), strings.Join(slices.Sorted(maps.Keys(s.desks)), ", ")
		a.mu.Unlock()
	}
	w.Header().Set("Cache-Control", "no-store")
	a.html.Execute(w, view)
}

// connectionID is how the server knows a page of this session, before and after its socket exists: nobody can make one up, or use it for another session.
func (a *app) connectionID(key string) string {
	hash := sha256.Sum256([]byte(key))
	signed := rand.Text() + "~" + base64.RawURLEncoding.EncodeToString(hash[:])
	mac := hmac.New(sha256.New, a.pages)
	mac.Write([]byte(signed))
	return signed + "~" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// follow puts the open pages of a session at a desk, and those that come.
func (a *app) follow(w http.ResponseWriter, r *http.Request) {
	key, s := a.sessionOf(r)
	if s == nil {
		say(w, 401, map[string]string{"error": "sign in first"})
	} else if a.put(w, key, s, r.PathValue("desk")) {
		say(w, 200, struct{}{})
	}
}

func (a *app) put(w http.ResponseWriter, key string, s *session, desk string) bool {
	if desk != "north" && desk != "south" {
		say(w, 404, map[string]string{"error": "there is no such desk"})
		return false
	}
	if err := a.ask("subscribe", map[string]any{"session": key, "channel": "desk/" + desk}); err != nil {
		log.Print(err)
		say(w, 500, map[string]string{"error": "not followed"})
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.desks[desk] = true
	return true
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	key := rand.Text()
	a.mu.Lock()
	a.sessions[key] = &session{user: r.FormValue("user"), desks: map[string]bool{}}
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "session", Value: key, HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/"})
	say(w, 200, struct{}{})
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	key, s := a.sessionOf(r)
	a.mu.Lock()
	delete(a.sessions, key)
	var left []string
	if s != nil {
		for desk := range s.desks {
			left = append(left, "desk/"+desk)
		}
	}
	a.mu.Unlock()
	if len(left) > 0 {
		if err := a.ask("unsubscribe", map[string]any{"session": key, "channels": left}); err != nil {
			log.Print(err)
			say(w, 500, map[string]string{"error": "try again"})
			return
		}
	}
	say(w, 200, struct{}{})
}

// hooks answers what the server asks. A status of 400 or more is a no.
func (a *app) hooks(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	var q question
	if a.signer.Verify(body, r.Header) != nil || json.Unmarshal(body, &q) != nil {
		say(w, 401, struct{}{})
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch q.Hook {
	case "connect":
		answer := map[string]any{}
		if s := a.sessions[keyOf(q.Cookie)]; s != nil {
			answer["user"] = s.user
		}
		say(w, 200, answer)
	case "subscribe":
		if q.User == "" && q.Channel != "public" {
			refuse(w, 403, "sign in first", "POST /login")
			return
		}
		say(w, 200, struct{}{})
	case "call":
		a.call(w, q)
	case "events":
		for _, e := range q.Events {
			if e.Number > a.last[q.Node] {
				a.last[q.Node] = e.Number
				fmt.Println(e.Event, e.Channel+e.Connection, e.User)
			}
		}
		say(w, 200, struct{}{})
	}
}

func (a *app) call(w http.ResponseWriter, q question) {
	switch q.Method {
	case "whoami":
		var user any
		if q.User != "" {
			user = q.User
		}
		say(w, 200, map[string]any{"data": map[string]any{"user": user}})
	case "visits.count":
		say(w, 200, map[string]any{"data": len(a.visits)})
	default:
		refuse(w, 404, "there is no method "+q.Method, "There are whoami and visits.count.")
	}
}

// arrive is a route that clients call over their connection: who calls is in Tidings-Caller, which is signed.
func (a *app) arrive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	caller := r.Header.Get("Tidings-Caller")
	content := fmt.Sprintf("%s %s\n%s\n%s", r.Method, r.URL.RequestURI(), caller, body)
	if err := a.signer.Verify([]byte(content), r.Header); err != nil {
		say(w, 401, struct{}{})
		return
	}
	var by, input struct{ User, Name, Desk string }
	text, _ := base64.RawURLEncoding.DecodeString(caller)
	json.Unmarshal(text, &by)
	if json.Unmarshal(body, &input) != nil || by.User == "" {
		say(w, 401, map[string]string{"error": "sign in first"})
		return
	}
	if input.Desk != "north" && input.Desk != "south" {
		say(w, 400, map[string]string{"error": "there is no such desk"})
		return
	}
	a.mu.Lock()
	a.visits = append(a.visits, visit{input.Name, by.User})
	n := len(a.visits)
	a.mu.Unlock()
	data := map[string]any{"visit": n, "name": input.Name, "by": by.User}
	publish := map[string]any{"channels": []string{"visits", "desk/" + input.Desk}, "data": data, "idempotencyKey": "visit-" + r.Header.Get("webhook-id")}
	if err := a.ask("publish", publish); err != nil {
		log.Print(err)
		say(w, 500, map[string]string{"error": "not published"})
		return
	}
	say(w, 201, map[string]int{"visit": n})
}

// ask asks the bus for something: publish, subscribe, unsubscribe.
func (a *app) ask(what string, body map[string]any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, a.bus+"/api/"+what, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if a.key != "" {
		req.Header.Set("Authorization", "Bearer "+a.key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", what, res.Status)
	}
	return nil
}

func (a *app) sessionOf(r *http.Request) (key string, s *session) {
	key = keyOf(r.Header.Get("Cookie"))
	a.mu.Lock()
	defer a.mu.Unlock()
	return key, a.sessions[key]
}

func keyOf(cookies string) string {
	list, err := http.ParseCookie(cookies)
	if err != nil {
		return ""
	}
	for _, c := range list {
		if c.Name == "session" {
			return c.Value
		}
	}
	return ""
}

func say(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, message, hint string) {
	say(w, status, map[string]any{"error": map[string]string{"message": message, "hint": hint}})
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
