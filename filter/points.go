package filter

import (
	"regexp"
	"strconv"
	"strings"
)

// point is a place on Earth in degrees: lat from -90 to 90, lon from -180 to 180.
type point struct{ lat, lon float64 }

// pointOf returns the point that v is, and whether it is one on Earth.
func pointOf(v any) (point, bool) {
	p, ok := readPoint(v)
	return p, ok && p.isOnEarth()
}

func (p point) isOnEarth() bool {
	return p.lat >= -90 && p.lat <= 90 && p.lon >= -180 && p.lon <= 180
}

// readPoint reads a point in any of its formats: {lat, lon}, [lat, lon], "lat, lon", a geohash, {latLon: …} or
// {lat_lon: …} around one of them. It reports whether v is in one of them; the point may lie nowhere.
func readPoint(v any) (point, bool) {
	switch v := v.(type) {
	case string:
		return pointOfText(v)
	case []any:
		return pointOfPair(v)
	case *object:
		if lat, ok := v.get("lat"); ok {
			if lon, ok := v.get("lon"); ok {
				return pair(lat, lon)
			}
		}
		return pointWithin(v)
	}
	return point{}, false
}

// pointWithin reads {latLon: …} or {lat_lon: …}; if both are there, the later one.
func pointWithin(o *object) (point, bool) {
	i := max(o.find("latLon"), o.find("lat_lon"))
	if i < 0 {
		return point{}, false
	}
	switch v := o.members[i].value.(type) {
	case string:
		return pointOfText(v)
	case []any:
		return pointOfPair(v)
	case *object:
		lat, hasLat := v.get("lat")
		lon, hasLon := v.get("lon")
		if hasLat && hasLon {
			return pair(lat, lon)
		}
	}
	return point{}, false
}

func pointOfPair(list []any) (point, bool) {
	if len(list) != 2 {
		return point{}, false
	}
	return pair(list[0], list[1])
}

// pointOfText reads "lat, lon" or a geohash of at least four characters.
func pointOfText(s string) (point, bool) {
	if lat, lon, ok := strings.Cut(s, ","); ok {
		if strings.Contains(lon, ",") {
			return point{}, false
		}
		return pair(lat, lon)
	}
	if !isGeohash(s) {
		return point{}, false
	}
	return pointOfGeohash(s), true
}

// pair returns the point of two numbers, each of which may be a numeric string. One turn too many is taken off the
// longitude.
func pair(lat, lon any) (point, bool) {
	y, ok := degrees(lat)
	x, ok2 := degrees(lon)
	if x > 180 {
		x -= 360
	} else if x < -180 {
		x += 360
	}
	return point{y, x}, ok && ok2
}

func degrees(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		return leadingNumber(v)
	}
	return 0, false
}

var numberAtStart = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?`)

// leadingNumber reads the number at the start of s, as JavaScript's parseFloat does: what follows it is no fault.
func leadingNumber(s string) (float64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r\u00a0\ufeff\u2028\u2029")
	v, err := strconv.ParseFloat(numberAtStart.FindString(strings.Replace(s, "E", "e", 1)), 64)
	return v, err == nil
}

const geohashDigits = "0123456789bcdefghjkmnpqrstuvwxyz"

func isGeohash(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) >= 4
}

// pointOfGeohash returns the middle of the box that a geohash names. The letters a, i, l and o, which geohashes do not
// have, count as 0.
func pointOfGeohash(s string) point {
	low, high := point{-90, -180}, point{90, 180}
	isLon := true
	for i := range min(len(s), maxGeohash) {
		digit := max(0, strings.IndexByte(geohashDigits, s[i]))
		for bit := 4; bit >= 0; bit-- {
			from, to := &low.lat, &high.lat
			if isLon {
				from, to = &low.lon, &high.lon
			}
			if middle := (*from + *to) / 2; digit>>bit&1 == 1 {
				*from = middle
			} else {
				*to = middle
			}
			isLon = !isLon
		}
	}
	return point{(low.lat + high.lat) / 2, (low.lon + high.lon) / 2}
}

// maxGeohash is after how many characters a box is as small as float64 can tell.
const maxGeohash = 26
