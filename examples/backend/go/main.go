// An application with sessions of its own behind Tidings: the same as ../node/server.mjs.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type app struct {
	bus, key string
	signer   *webhooks.Webhook

	mu       sync.Mutex // guards the rest
	sessions map[string]string
	visits   []visit
	last     map[string]uint64 // number of the last event that was taken, by node
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
	a := &app{bus: or(os.Getenv("TIDINGS"), "http://127.0.0.1:8080"), key: os.Getenv("TIDINGS_API_KEY"), signer: signer, sessions: map[string]string{}, last: map[string]uint64{}}
	http.HandleFunc("POST /login", a.login)
	http.HandleFunc("POST /hooks", a.hooks)
	http.HandleFunc("POST /visits", a.arrive)
	l, err := net.Listen("tcp", "127.0.0.1:"+or(os.Getenv("PORT"), "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(l, nil))
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	session := rand.Text()
	a.mu.Lock()
	a.sessions[session] = r.FormValue("user")
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "session", Value: session, HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/"})
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
		if user := a.sessions[sessionOf(q.Cookie)]; user != "" {
			answer["user"] = user
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
	var by, input struct{ User, Name string }
	text, _ := base64.RawURLEncoding.DecodeString(caller)
	json.Unmarshal(text, &by)
	if json.Unmarshal(body, &input) != nil || by.User == "" {
		say(w, 401, map[string]string{"error": "sign in first"})
		return
	}
	a.mu.Lock()
	a.visits = append(a.visits, visit{input.Name, by.User})
	n := len(a.visits)
	a.mu.Unlock()
	data := map[string]any{"visit": n, "name": input.Name, "by": by.User}
	if err := a.publish("visits", data, "visit-"+r.Header.Get("webhook-id")); err != nil {
		log.Print(err)
		say(w, 500, map[string]string{"error": "not published"})
		return
	}
	say(w, 201, map[string]int{"visit": n})
}

func (a *app) publish(channel string, data any, key string) error {
	body, err := json.Marshal(map[string]any{"channel": channel, "data": data, "idempotencyKey": key})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, a.bus+"/api/publish", bytes.NewReader(body))
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
		return fmt.Errorf("publish: %s", res.Status)
	}
	return nil
}

func sessionOf(cookies string) string {
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
