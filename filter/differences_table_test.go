package filter

import (
	"errors"
	"strings"
	"testing"

	"tidings/protocol"
)

const (
	yes    = "matches"
	no     = "does not match"
	throws = "throws"
)

// TestDifferences shows each row of the table of intended differences once, on both sides.
func TestDifferences(t *testing.T) {
	o := startOracle(t)
	seen := map[string]bool{}
	for _, c := range []struct {
		row              string
		filter, document any
		theirs, ours     string // an answer, or a part of an error
	}{
		{"bounds are exact", obj{"range": obj{"n": obj{"gt": 1}}}, obj{"n": 1 + 5e-11}, no, yes},
		{"bounds are exact", obj{"range": obj{"n": obj{"gt": 1e7}}}, obj{"n": 1e7}, yes, no},
		{"a negation is the opposite", obj{"not": obj{"regexp": obj{"s": "^5$"}}}, obj{"s": 5}, no, yes},
		{"a negation is the opposite", obj{"not": obj{"nothing": true}}, obj{}, "is not a function", yes},
		{"a negation is the opposite", obj{"not": obj{"select": obj{"field": "l", "index": 0, "query": obj{"exists": "value"}}}}, obj{}, "is not a function", yes},
		{"flags keep no state", obj{"regexp": obj{"s": obj{"value": "b", "flags": "y"}}}, obj{"s": "ab"}, no, yes},
		{"what is no point is in no shape", obj{"not": obj{"geoDistance": obj{"p": "0,0", "distance": "1km"}}}, obj{"p": "Nowhere"}, no, yes},
		{"conditions that can hold together do", obj{"and": []any{obj{"exists": `l["x"]`}, obj{"missing": `l["y"]`}}}, obj{"l": []any{"x"}}, no, yes},
		{"conditions that can hold together do", obj{"and": []any{obj{"not": obj{"equals": obj{"a": "1"}}}, obj{"equals": obj{"a": 1}}}}, obj{"a": 1}, no, yes},
		{"geo clauses may stand anywhere", obj{"not": obj{"and": []any{obj{"geoDistance": obj{"p": "0,0", "distance": "1km"}}, obj{"exists": "a"}}}}, obj{}, `"not.geospatial": unknown keyword`, yes},
		{"geo clauses may stand anywhere", obj{"or": []any{obj{"geoDistance": obj{"p": "0,0", "distance": "1km"}}, obj{"geoDistance": obj{"q": "0,0", "distance": "1km"}}}}, obj{"p": "0,0", "q": "9,9"}, throws, yes},
		{"a box may lie across the 180th meridian", obj{"geoBoundingBox": obj{"p": obj{"top": 1, "bottom": -1, "left": 179, "right": -179}}}, obj{"p": "0,180"}, "min_lon", yes},
		{"more is taken", obj{"in": obj{"a": []any{1, nil}}}, obj{"a": 1}, `must hold only values of type "string"`, yes},
		{"more is taken", obj{"and": []any{obj{"in": obj{"a": []any{true}}}, obj{"missing": []any{}}}}, obj{}, `"and.in.a": must hold only values of type "string"`, `"and.missing": must be an object`},
		{"more is taken", obj{"geoDistance": obj{"p": "0,0", "distance": "1000"}}, obj{"p": "0,0"}, `unable to parse distance value "1000"`, yes},
		{"what means nothing is refused", obj{"geoDistance": obj{"p": []any{1, 541}, "distance": "1km"}}, obj{}, no, notOnEarth}, // latitude 91 ends the process that Koncorde is in
		{"what means nothing is refused", obj{"geoBoundingBox": obj{"p": obj{"top": 1, "bottom": 2, "left": 1, "right": 2}}}, obj{}, "min_lat", "top must be north of bottom"},
		{"what means nothing is refused", obj{"regexp": obj{"s": `\C`}}, obj{"s": "x"}, yes, "cannot parse regexp expression"},
		{"a fault has a path and repeats no value", obj{"geoDistance": obj{"p": "0,0", "distance": "far"}}, obj{}, `unable to parse distance value "far"`, `"geoDistance.distance": unable to parse distance value "far"`},
		{"a fault has a path and repeats no value", obj{"geoBoundingBox": obj{"p": nil}}, obj{}, "Cannot convert undefined or null to object", `"geoBoundingBox.p": unrecognized geo-point format`},
		{"what means nothing is refused", []any{}, obj{}, yes, "must be an object"},
		{"a document has its own fields alone", obj{"missing": "toString"}, obj{}, no, yes},
	} {
		v := o.judge(t, []any{c.filter}, []obj{c.document.(obj)})[0]
		var theirs *bool
		if v.Error == "" {
			theirs = v.Matches[0]
		}
		f, err := Parse(raw(c.filter))
		d, _ := Read(raw(c.document))
		if got := said(v.Error, theirs); !strings.Contains(got, c.theirs) {
			t.Errorf("%s: %s on %s: Koncorde says %q, want %q", c.row, raw(c.filter), raw(c.document), got, c.theirs)
		}
		var fault *protocol.Error
		if got := saidOurs(f, err, d); errors.As(err, &fault) && !strings.Contains(fault.Reason, c.ours) || fault == nil && got != c.ours {
			t.Errorf("%s: %s on %s: we say %q, want %q", c.row, raw(c.filter), raw(c.document), got, c.ours)
		}
		known := false
		for _, row := range differences {
			known = known || row.name == c.row && row.explains(comparison{filter: plain(c.filter), document: d, theirs: v, ours: err})
		}
		if !known {
			t.Errorf("%s: its predicate does not know %s on %s", c.row, raw(c.filter), raw(c.document))
		}
		seen[c.row] = true
	}
	for _, row := range differences {
		if !seen[row.name] {
			t.Errorf("no example of: %s", row.name)
		}
	}
	if rows := len(differences) + 1; rows > 12 { // and that of rooms, which TestOracleRooms has
		t.Errorf("%d rows, want at most 12", rows)
	}
}
