package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	maxBody  = 4 << 10
	maxJobs  = 8 // at a time
	jobSteps = 12
	jobStep  = 450 * time.Millisecond
)

// Bus is what the demo's backend asks of the message bus.
type Bus struct {
	// Publish publishes data, JSON, on a channel.
	Publish func(channel string, data []byte)
	// Reply publishes on the reply channel whose publish URL has these parameters.
	Reply func(to, signature, event string, data []byte) error
}

// Backend answers the demo's page: a small HTTP backend as anybody has one, beside the bus.
//
//	GET  visitors          the building as it stands; ?still: without visitors of their own accord
//	POST arrivals          lets somebody in
//	POST departures        lets somebody go
//	POST jobs {reply}      begins a job of some seconds, which reports on the reply channel with that publish URL
func Backend(bus Bus) http.Handler {
	b := NewBuilding(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), func() { bus.Publish(Channel, []byte(`{"changed":true}`)) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /visitors", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusOK, b.State(r.URL.Query().Has("still")))
	})
	door := func(move func() (change, bool), full string) http.HandlerFunc {
		return post(func(w http.ResponseWriter, _ []byte) {
			c, ok := move()
			if !ok {
				refuse(w, http.StatusConflict, full)
				return
			}
			raw, _ := json.Marshal(c)
			write(w, http.StatusOK, raw)
		})
	}
	mux.HandleFunc("POST /arrivals", door(b.Arrive, "The building is full."))
	mux.HandleFunc("POST /departures", door(b.Leave, "Nobody is left."))
	var running atomic.Int32
	mux.HandleFunc("POST /jobs", post(func(w http.ResponseWriter, body []byte) {
		var request struct{ Reply string }
		to, err := url.Parse("")
		if json.Unmarshal(body, &request) == nil {
			to, err = url.Parse(request.Reply)
		}
		if err != nil || to.Query().Get("to") == "" {
			refuse(w, http.StatusBadRequest, `Give {"reply": the publish URL of a reply channel}.`)
			return
		}
		if running.Add(1) > maxJobs {
			running.Add(-1)
			refuse(w, http.StatusTooManyRequests, "There are enough jobs already; try again in a moment.")
			return
		}
		// The URL is the client's: nothing is sent to its host, only its two parameters are taken to our own bus.
		q := to.Query()
		go func() {
			defer running.Add(-1)
			b.report(func(event string, data any) error {
				raw, _ := json.Marshal(data)
				return bus.Reply(q.Get("to"), q.Get("signature"), event, raw)
			})
		}()
		write(w, http.StatusAccepted, []byte(`{}`))
	}))
	return mux
}

var steps = []string{"Opening the visitors' book", "Counting arrivals", "Asking the lifts", "Comparing floors", "Finding the busiest hour", "Drawing conclusions"}

// report is the job: it prepares a report, says how far it is, and then the answer.
func (b *Building) report(say func(event string, data any) error) {
	for i := range jobSteps {
		time.Sleep(jobStep)
		if say("progress", map[string]any{"percent": (i + 1) * 100 / (jobSteps + 1), "step": steps[i*len(steps)/jobSteps]}) != nil {
			return // nobody waits any more
		}
	}
	time.Sleep(jobStep)
	b.mu.Lock()
	most, at := 0, int64(0)
	for start, n := range b.hours {
		if n > most || n == most && start > at {
			most, at = n, start
		}
	}
	answer := map[string]any{"arrivals": b.today, "busiest": at * 1000, "most": most, "inside": len(b.inside)}
	b.mu.Unlock()
	say("done", answer)
}

// post reads a small body of JSON. A page of another origin cannot send one without asking first.
func post(handle func(w http.ResponseWriter, body []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" {
			refuse(w, http.StatusUnsupportedMediaType, "Send Content-Type: application/json.")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("Send at most %d bytes.", maxBody))
			return
		}
		handle(w, body)
	}
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	raw, _ := json.Marshal(map[string]any{"error": map[string]string{"message": message}})
	write(w, status, raw)
}
