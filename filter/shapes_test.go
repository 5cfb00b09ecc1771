package filter

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A polygon has no point outside of its box, however its edges bend: points are tried close around the box.
func TestPolygonsLieInTheirBox(t *testing.T) {
	seed := seedOf(t)
	r := rand.New(rand.NewPCG(seed, 1))
	inside, outside := 0, 0
	for range 3_000 {
		points := randomCorners(r)
		g := newPolygon(points)
		for range 60 {
			b := g.around
			p := point{b.bottom + (b.top-b.bottom)*r.Float64(), turn(0, b.left+(b.right-b.left)*r.Float64())}
			near := (b.top - b.bottom) / 50 * r.Float64()
			switch r.IntN(3) {
			case 0:
				p.lat = b.top + near
			case 1:
				p.lat = b.bottom - near
			}
			if !g.covers(p) {
				continue
			}
			inside++
			if !b.covers(p) {
				outside++
				t.Errorf("%v has %v, which is not in its box %+v", points, p, b)
			}
			if outside > 3 {
				return
			}
		}
	}
	if inside < 5_000 {
		t.Errorf("only %d points were in a polygon", inside)
	}
}

// randomCorners returns 3 to 6 points that lie around a place, 0.01 to 20 degrees away.
func randomCorners(r *rand.Rand) []point {
	centre := point{r.Float64()*120 - 60, r.Float64()*360 - 180}
	reach := math.Pow(10, r.Float64()*3.3-2)
	var points []point
	for i := range 3 + r.IntN(4) {
		angle := float64(i) + r.Float64()
		points = append(points, point{centre.lat + reach*math.Sin(angle), turn(0, centre.lon+2*reach*math.Cos(angle))})
	}
	return points
}

// A point north or south of all that an edge reaches is not looked at closely. That changes no verdict.
func TestEdgesStayBetweenTheirLatitudes(t *testing.T) {
	r := rand.New(rand.NewPCG(seedOf(t), 2))
	inside, short := 0, 0
	for range 5_000 {
		points := randomCorners(r)
		g, closely := newPolygon(points), newPolygon(points)
		for i := range closely.edges {
			closely.edges[i].low, closely.edges[i].high = math.Inf(-1), math.Inf(1)
		}
		for range 60 {
			e := g.edges[r.IntN(len(g.edges))]
			p := point{e.low + (e.high-e.low)*(1.5*r.Float64()-0.25), turn(0, e.from.lon+turn(e.from.lon, e.to.lon)*r.Float64())}
			got, want := g.covers(p), closely.covers(p)
			if got != want {
				t.Fatalf("%v and %v: got %v, want %v", points, p, got, want)
			}
			if got {
				inside++
			}
			if p.lat < e.low || p.lat > e.high {
				short++
			}
		}
	}
	if inside < 20_000 || short < 20_000 {
		t.Errorf("%d points were in a polygon and %d beyond an edge, want 20,000 of each", inside, short)
	}
}
