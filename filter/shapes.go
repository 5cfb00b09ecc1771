package filter

import "math"

// shape is a part of the Earth's surface, its border included.
type shape interface {
	covers(p point) bool
	// box returns a box that has the shape inside.
	box() box
}

// within is the condition that a field is a point in a shape.
type within struct{ shape }

func (c within) holds(value any) bool {
	p, ok := pointOf(value)
	return ok && c.covers(p)
}

// box goes from left eastward to right, which is at least left and may be more than 180.
type box struct{ top, left, bottom, right float64 }

func (b box) box() box { return b }

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

func (r ring) covers(p point) bool {
	if !r.around.covers(p) {
		return false
	}
	d := metresBetween(r.centre, p)
	return d >= r.inner && d <= r.outer
}

// polygon is what its edges go round, at least once. Edges are the shortest ways on the Earth between its points, of
// which the last is joined to the first. One that goes round a pole has in it the pole that is nearer to its points.
type polygon struct {
	points []point
	around box
	polar  float64 // of one that goes round a pole: ±1, the sign of that pole's latitude; else 0
}

func newPolygon(points []point) polygon {
	g := polygon{points: points}
	g.around = box{top: -90, bottom: 90, left: points[0].lon, right: points[0].lon}
	lon, lats := points[0].lon, 0.0
	for i, from := range points {
		to := points[(i+1)%len(points)]
		lon += turn(from.lon, to.lon)
		lats += from.lat
		g.around.left, g.around.right = min(g.around.left, lon), max(g.around.right, lon)
		g.around.top = max(g.around.top, bulge(from, to))
		g.around.bottom = min(g.around.bottom, -bulge(point{-from.lat, from.lon}, point{-to.lat, to.lon}))
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

// covers counts how often the edges north of p go round it.
func (g polygon) covers(p point) bool {
	rounds := 0
	for i, from := range g.points {
		crossed, on := crosses(from, g.points[(i+1)%len(g.points)], p)
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
func crosses(from, to, p point) (rounds int, on bool) {
	if p == from || p == to {
		return 0, true
	}
	edge, way := turn(from.lon, to.lon), turn(from.lon, p.lon)
	if edge == 0 {
		return 0, way == 0 && p.lat >= min(from.lat, to.lat) && p.lat <= max(from.lat, to.lat)
	}
	if way < min(0, edge) || way > max(0, edge) {
		return 0, false
	}
	side := math.Remainder(bearing(from, p)-bearing(from, to), 2*math.Pi) // positive: p is to the right
	if math.Abs(side) <= epsilon*math.Pi {
		return 0, true
	}
	switch {
	case edge > 0 && way < edge && side > 0:
		return 1, false
	case edge < 0 && way < 0 && way >= edge && side < 0:
		return -1, false
	}
	return 0, false
}
