package filter

import (
	"slices"
	"strconv"

	"tidings/protocol"
)

const notOnEarth = "not a place on Earth: latitudes are from -90 to 90, longitudes from -180 to 180"

// place reads a point of a filter.
func place(v any, path string) (point, *protocol.Error) {
	p, ok := readPoint(v)
	switch {
	case !ok:
		return point{}, bad(path, "unrecognized point format")
	case !p.isOnEarth():
		return point{}, bad(path, notOnEarth)
	}
	return p, nil
}

// other returns the member of o that is none of these.
func other(o *object, names ...string) member {
	i := slices.IndexFunc(o.members, func(m member) bool { return !slices.Contains(names, m.name) })
	return o.members[i]
}

func (p *parser) shape(field, key string, s shape, conditions int) (*node, *protocol.Error) {
	if fault := p.field(field); fault != nil {
		return nil, fault
	}
	return leafNode(field, key, s), p.count(conditions)
}

func (p *parser) geoBoundingBox(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault != nil {
		return nil, fault
	}
	field, path := o.members[0].name, under(path, o.members[0].name)
	b, fault := sides(o.members[0].value, path)
	if fault != nil {
		return nil, fault
	}
	if b.bottom >= b.top {
		return nil, bad(path, "top must be north of bottom")
	}
	if b.left == b.right {
		return nil, bad(path, "left and right must differ")
	}
	key := append(appendString([]byte(`{"geoBoundingBox":{`), field), `:{"top":`...)
	key = append(appendNumber(key, b.top), `,"left":`...)
	key = append(appendNumber(key, b.left), `,"bottom":`...)
	key = append(appendNumber(key, b.bottom), `,"right":`...)
	key = append(appendNumber(key, b.right), "}}}"...)
	if b.left > b.right {
		b.right += 360 // across the 180th meridian
	}
	return p.shape(field, string(key), b, 1)
}

// sides reads {top, left, bottom, right}, of numbers and numeric strings, or two corners: {topLeft, bottomRight}.
func sides(v any, path string) (box, *protocol.Error) {
	const unknown = "unrecognized geo-point format"
	o, ok := v.(*object)
	if !ok {
		return box{}, bad(path, unknown)
	}
	var given [4]any
	isSides := true
	for i, name := range []string{"top", "left", "bottom", "right"} {
		v, _ := o.get(name)
		switch v.(type) {
		case float64, string:
			given[i] = v
		default:
			isSides = false
		}
	}
	topLeft, bottomRight := any([]any{given[0], given[1]}), any([]any{given[2], given[3]})
	if !isSides {
		topLeft, bottomRight = corner(o, "topLeft", "top_left"), corner(o, "bottomRight", "bottom_right")
	}
	from, ok1 := readPoint(topLeft)
	to, ok2 := readPoint(bottomRight)
	switch {
	case isSides && !(ok1 && ok2):
		return box{}, bad(path, "unrecognized geoBoundingBox format")
	case !(ok1 && ok2):
		return box{}, bad(path, unknown)
	case !from.isOnEarth() || !to.isOnEarth():
		return box{}, bad(path, notOnEarth)
	}
	return box{top: from.lat, left: from.lon, bottom: to.lat, right: to.lon}, nil
}

// corner returns the member of the one or the other name; if both are there, the later one.
func corner(o *object, camel, snake string) any {
	if i := max(o.find(camel), o.find(snake)); i >= 0 {
		return o.members[i].value
	}
	return nil
}

func (p *parser) geoDistance(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 2)
	if fault == nil {
		fault = required(o, path, "distance")
	}
	if fault != nil {
		return nil, fault
	}
	far, _ := o.get("distance")
	if _, fault := text(far, under(path, "distance")); fault != nil {
		return nil, fault
	}
	at := other(o, "distance")
	centre, fault := place(at.value, under(path, at.name))
	if fault != nil {
		return nil, fault
	}
	outer, fault := length(far, under(path, "distance"))
	if fault != nil {
		return nil, fault
	}
	key := append(appendString([]byte(`{"geoDistance":{`), at.name), ':')
	key = append(appendPoint(key, centre), `,"distance":`...)
	key = append(appendMetres(key, outer), "}}"...)
	return p.shape(at.name, string(key), newRing(centre, 0, outer), 1)
}

func (p *parser) geoDistanceRange(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 3)
	if fault == nil {
		fault = required(o, path, "from", "to")
	}
	if fault != nil {
		return nil, fault
	}
	from, _ := o.get("from")
	inner, fault := length(from, under(path, "from"))
	if fault != nil {
		return nil, fault
	}
	to, _ := o.get("to")
	outer, fault := length(to, under(path, "to"))
	if fault != nil {
		return nil, fault
	}
	if inner >= outer {
		return nil, bad(path, "inner radius must be smaller than outer radius")
	}
	at := other(o, "from", "to")
	centre, fault := place(at.value, under(path, at.name))
	if fault != nil {
		return nil, fault
	}
	key := append(appendString([]byte(`{"geoDistanceRange":{`), at.name), ':')
	key = append(appendPoint(key, centre), `,"from":`...)
	key = append(appendMetres(key, inner), `,"to":`...)
	key = append(appendMetres(key, outer), "}}"...)
	return p.shape(at.name, string(key), newRing(centre, inner, outer), 1)
}

func (p *parser) geoPolygon(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault != nil {
		return nil, fault
	}
	field, path := o.members[0].name, under(path, o.members[0].name)
	o, fault = members(o.members[0].value, path, 1)
	if fault == nil {
		fault = required(o, path, "points")
	}
	if fault != nil {
		return nil, fault
	}
	path = under(path, "points")
	list, ok := o.members[0].value.([]any)
	switch {
	case !ok:
		return nil, bad(path, "must be an array")
	case len(list) < 3:
		return nil, bad(path, "at least 3 points are required to build a polygon")
	}
	if fault := p.count(1 + len(list)/8); fault != nil {
		return nil, fault
	}
	points := make([]point, len(list))
	key := append(appendString([]byte(`{"geoPolygon":{`), field), `:{"points":[`...)
	for i, v := range list {
		if points[i], fault = place(v, path); fault != nil {
			return nil, fault
		}
		if i > 0 {
			key = append(key, ',')
		}
		key = appendPoint(key, points[i])
	}
	return p.shape(field, string(append(key, "]}}}"...)), newPolygon(points), 0)
}

// length reads a distance.
func length(v any, path string) (float64, *protocol.Error) {
	s, fault := text(v, path)
	if fault != nil {
		return 0, fault
	}
	m, ok := metresOf(s)
	if !ok {
		return 0, badf(path, "unable to parse distance value %q", quoted(s))
	}
	return m, nil
}

func appendPoint(dst []byte, p point) []byte {
	dst = append(appendNumber(append(dst, `{"lat":`...), p.lat), `,"lon":`...)
	return append(appendNumber(dst, p.lon), '}')
}

func appendMetres(dst []byte, m float64) []byte {
	return append(strconv.AppendFloat(append(dst, '"'), m, 'f', -1, 64), `m"`...)
}
