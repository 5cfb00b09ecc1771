package filter

import "math"

// shape is a part of the Earth's surface, its border included. As a condition it holds for a point in it.
type shape interface {
	condition
	covers(p point) bool
	// box returns a box that has the shape inside.
	box() box
}

// box goes from left eastward to right, which is at least left and may be more than 180.
type box struct{ top, left, bottom, right float64 }

func (b box) box() box { return b }

func (b box) holds(value any) bool {
	p, ok := pointOf(value)
	return ok && b.covers(p)
}

func (b box) covers(p point) bool {
	if p.lat < b.bottom || p.lat > b.top {
		return false
	}
	for _, lon := range [...]float64{p.lon, p.lon + 360, p.lon - 360} {
		if lon >= b.left && lon <= b.right {
			return true
		}
	}
	return false
}

// ring has the points whose distance from its centre is from inner to outer metres. A circle is a ring whose inner is
// 0.
//
// As in Koncorde a point must also lie in the box around the circle, which is computed on a sphere of the equator's
// radius. So a circle reaches up to 0.7 % less far to the north and south than its radius.
type ring struct {
	centre       point
	inner, outer float64
	around       box
}

func newRing(centre point, inner, outer float64) ring {
	lat := outer / equatorMetres
	lon := lat / math.Cos(radians(centre.lat)) * 180 / math.Pi
	lat *= 180 / math.Pi
	if !(lon < 180) {
		lon = 180
	}
	return ring{centre, inner, outer, box{centre.lat + lat, centre.lon - lon, centre.lat - lat, centre.lon + lon}}
}

func (r ring) box() box { return r.around }

func (r ring) holds(value any) bool {
	p, ok := pointOf(value)
	return ok && r.covers(p)
}

func (r ring) covers(p point) bool {
	if !r.around.covers(p) {
		return false
	}
	d := metresBetween(r.centre, p)
	return d >= r.inner && d <= r.outer
}

// polygon is what its edges go round, at least once. The last edge leads back to where the first begins. One that goes
// round a pole has in it the pole that is nearer to its points.
type polygon struct {
	edges  []edge
	around box
	polar  float64 // of one that goes round a pole: ±1, the sign of that pole's latitude; else 0
}

// edge is the shortest way on the Earth between two points.
type edge struct {
	from, to  point
	low, high float64 // latitudes between which it stays
	heading   float64 // bearing of to
}

func newPolygon(points []point) polygon {
	g := polygon{edges: make([]edge, len(points))}
	g.around = box{top: -90, bottom: 90, left: points[0].lon, right: points[0].lon}
	lon, lats := points[0].lon, 0.0
	for i, from := range points {
		to := points[(i+1)%len(points)]
		e := edge{from: from, to: to, low: -bulge(point{-from.lat, from.lon}, point{-to.lat, to.lon}), high: bulge(from, to), heading: bearing(from, to)}
		lon += turn(from.lon, to.lon)
		lats += from.lat
		g.around.left, g.around.right = min(g.around.left, lon), max(g.around.right, lon)
		g.around.top, g.around.bottom = max(g.around.top, e.high), min(g.around.bottom, e.low)
		g.edges[i] = e
	}
	if math.Abs(lon-points[0].lon) > 180 {
		g.polar = math.Copysign(1, lats)
		g.around.left, g.around.right = -180, 180
	}
	if g.polar > 0 {
		g.around.top = 90
	} else if g.polar < 0 {
		g.around.bottom = -90
	}
	return g
}

// bulge returns a latitude that the edge between two points does not go north of.
func bulge(a, b point) float64 {
	north := max(a.lat, b.lat)
	forth, back := bearing(a, b), bearing(b, a)
	if math.Cos(forth) > 0 && math.Cos(back) > 0 {
		// Clairaut: the sine of the bearing by the cosine of the reduced latitude is the same all along the edge.
		reduced := math.Atan((1 - flattening) * math.Tan(radians(a.lat)))
		top := math.Acos(math.Abs(math.Sin(forth)) * math.Cos(reduced))
		bent := math.Atan(math.Tan(top)/(1-flattening))*180/math.Pi - north
		north += max(0, bent) * 1.1 // a tenth for the bearing, which is of first order
	}
	return north + 1e-4
}

func (g polygon) box() box { return g.around }

func (g polygon) holds(value any) bool {
	p, ok := pointOf(value)
	return ok && g.covers(p)
}

// covers counts how often the edges north of p go round it.
func (g polygon) covers(p point) bool {
	rounds := 0
	for i := range g.edges {
		crossed, on := g.edges[i].crosses(p)
		if on {
			return true
		}
		rounds += crossed
	}
	if g.polar > 0 { // the way north ends inside
		return rounds == 0 && p.lat >= g.around.bottom
	}
	return rounds != 0
}

// crosses returns 1 if the edge goes eastward over the meridian of p, north of p, -1 if westward, and whether p is on
// the edge.
func (e *edge) crosses(p point) (rounds int, on bool) {
	if p == e.from || p == e.to {
		return 0, true
	}
	east, way := turn(e.from.lon, e.to.lon), turn(e.from.lon, p.lon)
	if east == 0 {
		return 0, way == 0 && p.lat >= min(e.from.lat, e.to.lat) && p.lat <= max(e.from.lat, e.to.lat)
	}
	if way < min(0, east) || way > max(0, east) || p.lat > e.high {
		return 0, false
	}
	south := p.lat < e.low
	if !south { // it takes a closer look
		side := math.Remainder(bearing(e.from, p)-e.heading, 2*math.Pi) // positive: p is to the right
		if math.Abs(side) <= epsilon*math.Pi {
			return 0, true
		}
		south = side > 0 == (east > 0)
	}
	switch { // of its two ends the western one counts
	case south && east > 0 && way < east:
		return 1, false
	case south && east < 0 && way < 0:
		return -1, false
	}
	return 0, false
}
