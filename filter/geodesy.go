package filter

import "math"

// The Earth here is the ellipsoid WGS84.
const (
	equatorMetres = 6378137.0
	flattening    = 1 / 298.257223563
	epsilon       = 0x1p-52
)

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// metresBetween returns the distance of two points by the formula of Andoyer and Lambert, which is of first order in
// the flattening. It is good to about 10 m in 10,000 km, but not for points that lie almost opposite on the globe.
func metresBetween(a, b point) float64 {
	if a == b {
		return 0
	}
	sin1, cos1 := math.Sincos(radians(a.lat))
	sin2, cos2 := math.Sincos(radians(b.lat))
	cosArc := min(1, max(-1, sin1*sin2+cos1*cos2*math.Cos(radians(b.lon)-radians(a.lon))))
	arc := math.Acos(cosArc)
	sinArc := math.Sin(arc)
	difference, sum := (sin1-sin2)*(sin1-sin2), (sin1+sin2)*(sin1+sin2)
	var h, g float64
	if 1-cosArc > epsilon {
		h = (arc + 3*sinArc) / (1 - cosArc)
	}
	if 1+cosArc > epsilon {
		g = (arc - 3*sinArc) / (1 + cosArc)
	}
	return equatorMetres * (arc - flattening/4*(h*difference+g*sum))
}

// bearing returns in which direction from a the shortest way to b begins, in radians clockwise from north, by the
// formula of Andoyer.
func bearing(a, b point) float64 {
	sin1, cos1 := math.Sincos(radians(a.lat))
	sin2, cos2 := math.Sincos(radians(b.lat))
	sinLon, cosLon := math.Sincos(radians(b.lon) - radians(a.lon))
	arc := math.Acos(min(1, max(-1, sin1*sin2+cos1*cos2*cosLon)))
	sinArc := math.Sin(arc)
	if math.Abs(sinArc) <= epsilon {
		return 0
	}
	var forth, forthShift, back, backShift float64
	if math.Abs(cos2) > epsilon {
		forth = math.Atan2(sinLon, cos1*sin2/cos2-sin1*cosLon)
		forthShift = flattening / 2 * cos1 * cos1 * math.Sin(2*forth)
	} else if sin2 < 0 {
		forth = math.Pi
	}
	if math.Abs(cos1) > epsilon {
		back = math.Atan2(sinLon, cos2*sin1/cos1-sin2*cosLon)
		backShift = flattening / 2 * cos2 * cos2 * math.Sin(2*back)
	}
	return forth - (backShift*arc/sinArc - forthShift)
}

// turn returns how far it is eastward from one longitude to another, from above -180 to 180 degrees.
func turn(from, to float64) float64 {
	d := to - from
	if d > 180 {
		d -= 360
	} else if d <= -180 {
		d += 360
	}
	return d
}
