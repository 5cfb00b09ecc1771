package taxis

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Collection is where the taxis are.
const Collection = "city/taxis"

const (
	asked = 30 * time.Second       // so long the taxis drive after somebody asked for it
	step  = 250 * time.Millisecond // a half of them is moved in each, the other half in the next
)

// Move is what is written of one taxi: Part is merged into its document, or else into Whole if there is none.
type Move struct {
	ID          string
	Part, Whole []byte // JSON
}

// Write writes moves as one. What fails is only not seen: the next moves follow.
type Write func(ctx context.Context, moves []Move) error

// Backend serves the page: POST lets the taxis drive for 30 s more. They rest while nobody asks.
func Backend(write Write) http.Handler {
	f := &fleetDriver{write: write, random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page of another origin cannot send this without asking first.
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "Send a POST with Content-Type: application/json.", http.StatusBadRequest)
			return
		}
		f.ask()
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}

type fleetDriver struct {
	write  Write
	random *rand.Rand // of the goroutine that drives, of which there is one at most

	mu    sync.Mutex
	until time.Time
	city  *city // that of the goroutine; nil before the first
	busy  bool  // it drives
}

// ask makes the taxis drive for a while.
func (f *fleetDriver) ask() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Now().Add(asked)
	if f.busy {
		return
	}
	f.busy = true
	if f.city == nil {
		f.city = newCity(f.random)
	}
	go f.drive()
}

func (f *fleetDriver) goesOn() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = time.Now().Before(f.until)
	return f.busy
}

// drive moves the taxis until nobody asks any more.
func (f *fleetDriver) drive() {
	tick := time.NewTicker(step)
	defer tick.Stop()
	f.move(0, 1, 0)
	for turn := 0; f.goesOn(); turn++ {
		<-tick.C
		f.move(turn%2, 2, 2*step)
	}
}

// move moves each nth taxi, from the first one on.
func (f *fleetDriver) move(first, nth int, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*step)
	defer cancel()
	var moves []Move
	for i := first; i < len(f.city.taxis); i += nth {
		t := f.city.taxis[i]
		changed := f.city.drive(t, d, f.random)
		moves = append(moves, Move{ID: t.id, Part: f.city.document(t, false, changed), Whole: f.city.document(t, true, false)})
	}
	f.write(ctx, moves)
}
