package taxis

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreets: taxis stay on the streets, inside the map, and go on from everywhere.
func TestStreets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := newCity(random)
	if len(c.taxis) != fleet || len(c.Nodes) < 50 || len(c.Streets) < 80 {
		t.Fatalf("%d taxis, %d crossings, %d streets", len(c.taxis), len(c.Nodes), len(c.Streets))
	}
	changes := 0
	for range 600 {
		for _, x := range c.taxis {
			from, to := x.from, x.to
			if c.drive(x, time.Second, random) {
				changes++
			}
			if x.from != from && x.from != to && c.length(x) > 20 {
				continue // a short street was passed as a whole
			}
			if x.way < 0 || x.way >= c.length(x) {
				t.Fatalf("%s is %.1f into a street of %.1f", x.id, x.way, c.length(x))
			}
			var d document
			if err := json.Unmarshal(c.document(x, true, false), &d); err != nil {
				t.Fatal(err)
			}
			px, py := (d.At.Lon-c.Left)/(c.Right-c.Left)*c.Width, (d.At.Lat-c.Top)/(c.Bottom-c.Top)*c.Height
			if off := distance(px, py, c.Nodes[x.from], c.Nodes[x.to]); off > 0.5 {
				t.Fatalf("%s is %.1f beside its street", x.id, off)
			}
			if px < -120 || py < -120 || px > c.Width+120 || py > c.Height+120 {
				t.Fatalf("%s is at %.0f, %.0f", x.id, px, py)
			}
			if d.Driver == "" || d.Seats < 4 || d.Free == nil {
				t.Fatalf("%s is not whole: %+v", x.id, d)
			}
		}
	}
	if changes < fleet*600/40/2 {
		t.Errorf("somebody got in or out %d times in ten minutes", changes)
	}
}

// distance is how far a point is from a line.
func distance(x, y float64, a, b [2]float64) float64 {
	return math.Abs((b[0]-a[0])*(a[1]-y)-(a[0]-x)*(b[1]-a[1])) / math.Hypot(b[0]-a[0], b[1]-a[1])
}

// TestDriving: the taxis drive while somebody asks, each of them twice a second, and then nothing is written.
func TestDriving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written, parts := map[string]int{}, 0
		backend := Backend(func(_ context.Context, moves []Move) error {
			for _, m := range moves {
				written[m.ID]++
				if !strings.Contains(string(m.Part), "driver") {
					parts++
				}
			}
			return nil
		})
		rest := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		ask := func(method, media string) int {
			r := httptest.NewRequest(method, "/taxis", nil)
			r.Header.Set("Content-Type", media)
			w := httptest.NewRecorder()
			backend.ServeHTTP(w, r)
			return w.Code
		}
		for _, refused := range []int{ask("GET", "application/json"), ask("POST", "text/plain")} {
			if refused != http.StatusBadRequest {
				t.Errorf("got %d, want 400", refused)
			}
		}
		rest(time.Minute)
		if len(written) != 0 {
			t.Errorf("%d taxis drive and nobody asked", len(written))
		}
		for range 3 {
			if got := ask("POST", "application/json"); got != http.StatusNoContent {
				t.Errorf("got %d, want 204", got)
			}
			rest(20 * time.Second)
		}
		rest(time.Minute)
		for id, n := range written {
			if n < 138 || n > 143 { // 70 s, and the first
				t.Errorf("%s was moved %d times in 70 s", id, n)
			}
		}
		if len(written) != fleet || parts == 0 {
			t.Errorf("%d taxis, %d parts", len(written), parts)
		}
		before := written["t1"]
		ask("POST", "application/json")
		rest(2 * time.Minute)
		if written["t1"] == before {
			t.Error("they do not drive again")
		}
	})
}
