package filter

import (
	"fmt"
	"math"
)

// The points of the small world lie on a grid of 0.01 degrees around Paris, so that they meet borders exactly, or in
// one of a few places elsewhere.

func (g *generator) latLon() point {
	if g.chance(10) {
		return pick(g, point{0, 0}, point{-33.86, 151.21}, point{64.15, -21.94}, point{10, 179.95}, point{10, -179.95}, point{51.5074, -0.1278})
	}
	return point{48.8 + float64(g.IntN(21))/100, 2.2 + float64(g.IntN(31))/100}
}

// place writes a point in any format.
func (g *generator) place() any {
	p := g.latLon()
	text := fmt.Sprintf("%v, %v", p.lat, p.lon)
	pair := []any{p.lat, p.lon}
	named := obj{"lat": p.lat, "lon": p.lon}
	switch g.IntN(9) {
	case 0:
		return named
	case 1:
		return pair
	case 2:
		return text
	case 3:
		return pick(g, "u09t", "u09tv", "u09wj8", "u09tvw0f", "gcpvj0")
	case 4:
		return obj{"latLon": pick[any](g, pair, text, named)}
	case 5:
		return obj{"lat_lon": pick[any](g, pair, text, named)}
	case 6:
		return []any{fmt.Sprint(p.lat), fmt.Sprint(p.lon)}
	case 7:
		return obj{"lat": fmt.Sprint(p.lat), "lon": fmt.Sprint(p.lon), "more": 1}
	}
	return fmt.Sprintf("%v,%v", p.lat, p.lon)
}

func (g *generator) geo(keyword, field string, d obj) obj {
	centre := g.latLon()
	v, ok := pointOf(plain(d[field]))
	switch {
	case ok && g.chance(10):
		centre = v
	case ok && g.chance(70):
		centre = point{v.lat + (g.Float64()-0.5)/20, v.lon + (g.Float64()-0.5)/20}
	}
	switch keyword {
	case "geoBoundingBox":
		return obj{keyword: obj{field: g.box(centre)}}
	case "geoDistance":
		radius := 500 + 15000*g.Float64()
		if ok && g.chance(30) { // the border, on which a sphere and an ellipsoid differ
			radius = metresBetween(centre, v) * (0.997 + 0.006*g.Float64())
		}
		return obj{keyword: obj{field: g.format(centre), "distance": g.metres(radius)}}
	case "geoDistanceRange":
		inner := 4000 * g.Float64()
		return obj{keyword: obj{field: g.format(centre), "from": g.metres(inner), "to": g.metres(inner + 10 + 12000*g.Float64())}}
	}
	return obj{keyword: obj{field: obj{"points": g.polygon(centre)}}}
}

// format writes a point of a filter.
func (g *generator) format(p point) any {
	return pick[any](g, obj{"lat": p.lat, "lon": p.lon}, []any{p.lat, p.lon}, fmt.Sprintf("%v, %v", p.lat, p.lon), obj{"latLon": []any{p.lat, p.lon}}, obj{"lat_lon": fmt.Sprintf("%v,%v", p.lat, p.lon)})
}

func (g *generator) metres(m float64) string {
	return pick(g, fmt.Sprintf("%.3fm", m), fmt.Sprintf("%.5f km", m/1000), fmt.Sprintf("%.4f Miles", m/1609.34), fmt.Sprintf("%.2f ft", m/0.3048), fmt.Sprintf("%.3f yards", m/0.9144),
		fmt.Sprintf("%.0f cm", m*100), fmt.Sprintf("%.5f kilometers", m/1000), fmt.Sprintf("%.3f dam", m/10), fmt.Sprintf("%.1f inches", m/0.0254))
}

// box makes a box that often has a point in it.
func (g *generator) box(within point) any {
	top, bottom := g.latLon().lat, g.latLon().lat
	left, right := g.latLon().lon, g.latLon().lon
	if g.chance(75) {
		top, bottom = within.lat+pick(g, 0, 0.02, 0.05), within.lat-pick(g, 0.01, 0.04)
		left, right = within.lon-pick(g, 0, 0.01, 0.06), within.lon+pick(g, 0.02, 0.05)
	}
	if top < bottom {
		top, bottom = bottom, top
	}
	if left > right && !g.seldom() {
		left, right = right, left
	}
	if top == bottom {
		top += 0.05
	}
	if left == right {
		right += 0.05
	}
	corners := point{top, left}
	opposite := point{bottom, right}
	return pick[any](g, obj{"top": top, "left": left, "bottom": bottom, "right": right},
		obj{"top": fmt.Sprint(top), "left": left, "bottom": fmt.Sprint(bottom), "right": right},
		obj{"topLeft": g.format(corners), "bottomRight": g.format(opposite)},
		obj{"top_left": g.format(corners), "bottom_right": g.format(opposite)})
}

// polygon makes a polygon around a centre, of which some are concave and some cross themselves.
func (g *generator) polygon(centre point) []any {
	if g.chance(20) { // an edge that bends around the centre
		south := centre.lat - 0.4*g.Float64()
		return []any{g.format(point{south, centre.lon - 10}), g.format(point{south, centre.lon + 10}), g.format(point{south - 8, centre.lon})}
	}
	n := 3 + g.IntN(8)
	reach := 0.02 + 0.15*g.Float64()
	var points []any
	for i := range n {
		angle := 2 * math.Pi * float64(i) / float64(n)
		if g.chance(20) {
			angle += 2 * g.Float64()
		}
		far := reach * (0.3 + 0.7*g.Float64())
		points = append(points, g.format(point{max(-85, min(85, centre.lat+far*math.Sin(angle))), centre.lon + 1.5*far*math.Cos(angle)}))
	}
	if g.chance(10) { // a point of the world's grid as a corner
		points[0] = g.format(g.latLon())
	} else if g.chance(30) { // or what it is made around
		points[0] = g.format(centre)
	}
	return points
}

// plain reads a test's value as the package does.
func plain(v any) any {
	read, _ := readJSON(raw(v))
	return read
}
