package filter

import (
	"fmt"
	"math"
)

// workload makes n filters of a kind and a document of which about ten match, however many there are.
type workload struct {
	name     string
	filter   func(g *generator, n, i int) obj
	document func(g *generator, n int) obj
}

const matchesHeld = 10

var workloads = []workload{
	{"equality", byDriver, order},
	{"mixed", mixed, order},
	{"geo", nearby, order},
	{"negations", func(g *generator, n, i int) obj {
		return obj{"and": []any{byDriver(g, n, i), obj{"not": obj{"equals": obj{"status": fmt.Sprint("closed", i%7)}}}}}
	}, order},
}

// order is a document of the workloads: it has one of n/10 drivers, a price of 0 to 1,000, and a place in a square of
// 10 degrees.
func order(g *generator, n int) obj {
	return obj{
		"_id": fmt.Sprint("order-", g.IntN(1e9)), "type": "taxi", "status": "open", "seats": matchesHeld,
		"driver": fmt.Sprint("driver-", g.IntN(max(1, n/matchesHeld))), "price": g.Float64() * 1000,
		"at": obj{"lat": 40 + 10*g.Float64(), "lon": 10 * g.Float64()}, "note": "ring twice, please", "tags": []any{"night", "cheap"},
	}
}

// byDriver makes ten filters for each driver.
func byDriver(_ *generator, n, i int) obj {
	return obj{"and": []any{obj{"equals": obj{"driver": fmt.Sprint("driver-", i%max(1, n/matchesHeld))}}, obj{"range": obj{"seats": obj{"gte": i / max(1, n/matchesHeld) % matchesHeld}}}}}
}

// nearby makes shapes that have a ten-nth of the square each.
func nearby(g *generator, n, i int) obj {
	side := 10 * math.Sqrt(float64(matchesHeld)/float64(n))
	lat, lon := 40+10*g.Float64(), 10*g.Float64()
	switch i % 3 {
	case 0: // a circle of that area
		return obj{"geoDistance": obj{"at": []any{lat, lon}, "distance": fmt.Sprintf("%.0fm", 111_000*side*math.Sqrt(math.Cos(lat*math.Pi/180)/math.Pi))}}
	case 1:
		return obj{"geoBoundingBox": obj{"at": obj{"top": lat + side/2, "left": lon, "bottom": lat - side/2, "right": lon + side}}}
	}
	return obj{"geoPolygon": obj{"at": obj{"points": []any{[]any{lat, lon}, []any{lat + side, lon}, []any{lat + side, lon + side}, []any{lat, lon + side}}}}}
}

func mixed(g *generator, n, i int) obj {
	width := 1000 * float64(matchesHeld) / float64(n)
	low := g.Float64() * 1000
	switch i % 10 {
	case 0, 1:
		return obj{"and": []any{obj{"range": obj{"price": obj{"gte": low, "lt": low + width}}}, obj{"exists": "driver"}}}
	case 2, 3:
		return obj{"and": []any{obj{"equals": obj{"type": "taxi"}}, nearby(g, n, i)}}
	case 4:
		return obj{"and": []any{byDriver(g, n, i), obj{"regexp": obj{"note": "^ring"}}}}
	case 5:
		return obj{"in": obj{"driver": []any{fmt.Sprint("driver-", g.IntN(max(1, n/matchesHeld))), "driver-none"}}}
	case 6:
		return obj{"and": []any{byDriver(g, n, i), obj{"match": obj{"tags": []any{"night"}}}}}
	}
	return byDriver(g, n, i)
}
