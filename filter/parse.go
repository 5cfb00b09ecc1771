package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tidings/protocol"
)

// Bounds of a filter. Above them Parse fails with filter_too_complex.
const (
	MaxBytes        = 8 << 10 // of JSON without white space
	MaxDepth        = 16      // clauses within clauses
	MaxConditions   = 100     // each value of "in", each scalar of "match" and each 8 points of a polygon counts
	MaxFieldBytes   = 512     // of a field's path
	MaxPatternBytes = 256     // of a regular expression
	MaxSubjectBytes = 4 << 10 // of a string that a regular expression looks into
)

// parser reads one filter.
type parser struct {
	conditions int
}

// clauses has the reader of each keyword. It is filled by init, since clauses hold clauses.
var clauses map[string]func(p *parser, v any, path string, depth int) (*node, *protocol.Error)

func init() {
	clauses = map[string]func(p *parser, v any, path string, depth int) (*node, *protocol.Error){
		"and":              (*parser).and,
		"or":               (*parser).or,
		"not":              (*parser).not,
		"bool":             (*parser).bool,
		"nothing":          (*parser).nothing,
		"equals":           (*parser).equals,
		"in":               (*parser).in,
		"ids":              (*parser).ids,
		"range":            (*parser).span,
		"exists":           (*parser).exists,
		"missing":          (*parser).missing,
		"regexp":           (*parser).regexp,
		"match":            (*parser).match,
		"select":           (*parser).selected,
		"geoBoundingBox":   (*parser).geoBoundingBox,
		"geoDistance":      (*parser).geoDistance,
		"geoDistanceRange": (*parser).geoDistanceRange,
		"geoPolygon":       (*parser).geoPolygon,
	}
}

// Parse reads a filter: a JSON object with one keyword. An empty object and null match everything.
//
// It fails with a *protocol.Error of the code bad_filter, whose reason begins with the path of what is wrong, or
// filter_too_complex. Reasons repeat names that the client chose, shortened.
func Parse(raw []byte) (*Filter, error) {
	compact, err := compacted(raw)
	if err != nil {
		return nil, err
	}
	if f, ok := compiled.get(compact); ok {
		return f, nil
	}
	v, _ := readJSON(compact)
	if _, isObject := v.(*object); !isObject && v != nil {
		return nil, bad("", "must be an object")
	}
	p := &parser{}
	root, fault := p.clause(v, "", 0)
	if fault != nil {
		return nil, fault
	}
	f := &Filter{root: root, conditions: p.conditions}
	compiled.put(compact, f)
	return f, nil
}

// clause reads an object with one keyword. The path is that of the clause around it.
func (p *parser) clause(v any, path string, depth int) (*node, *protocol.Error) {
	o, _ := v.(*object)
	if o == nil || len(o.members) == 0 {
		return everything, nil
	}
	if len(o.members) > 1 {
		return nil, bad(path, "Invalid filter syntax. Filters must have one keyword only")
	}
	keyword := o.members[0].name
	path = under(path, keyword)
	read := clauses[keyword]
	if read == nil {
		fault := bad(path, "unknown keyword")
		fault.Hint = hintAnyFilter
		return nil, fault
	}
	if depth++; depth > MaxDepth {
		return nil, tooComplex("is nested more deeply than %d clauses", MaxDepth)
	}
	n, fault := read(p, o.members[0].value, path, depth)
	if fault != nil && fault.Hint == "" {
		fault.Hint = `A right one: ` + examples[keyword]
	}
	return n, fault
}

// examples has a filter of each keyword, for hints.
var examples = map[string]string{
	"and":              `{"and": [{"equals": {"type": "taxi"}}, {"exists": "driver"}]}`,
	"or":               `{"or": [{"equals": {"type": "taxi"}}, {"equals": {"type": "bus"}}]}`,
	"not":              `{"not": {"equals": {"type": "taxi"}}}`,
	"bool":             `{"bool": {"must": [{"exists": "driver"}], "must_not": [{"equals": {"type": "bus"}}]}}`,
	"nothing":          `{"nothing": true}`,
	"equals":           `{"equals": {"type": "taxi"}}`,
	"in":               `{"in": {"type": ["taxi", "bus"]}}`,
	"ids":              `{"ids": {"values": ["order-17", "order-18"]}}`,
	"range":            `{"range": {"seats": {"gte": 4, "lt": 9}}}`,
	"exists":           `{"exists": "driver.name"}`,
	"missing":          `{"missing": "driver.name"}`,
	"regexp":           `{"regexp": {"name": {"value": "^jo", "flags": "i"}}}`,
	"match":            `{"match": {"driver": {"name": "Jo"}, "tags": ["night"]}}`,
	"select":           `{"select": {"field": "stops", "index": -1, "query": {"equals": {"value": "depot"}}}}`,
	"geoBoundingBox":   `{"geoBoundingBox": {"position": {"top": 48.9, "left": 2.2, "bottom": 48.8, "right": 2.5}}}`,
	"geoDistance":      `{"geoDistance": {"position": {"lat": 48.8566, "lon": 2.3522}, "distance": "3km"}}`,
	"geoDistanceRange": `{"geoDistanceRange": {"position": {"lat": 48.8566, "lon": 2.3522}, "from": "1km", "to": "3km"}}`,
	"geoPolygon":       `{"geoPolygon": {"position": {"points": [[48.9, 2.2], [48.9, 2.5], [48.8, 2.3]]}}}`,
}

// count adds n conditions to the filter.
func (p *parser) count(n int) *protocol.Error {
	if p.conditions += n; p.conditions > MaxConditions {
		return tooComplex("exceeds the configured maximum number of conditions (conditions: %d, max: %d)", p.conditions, MaxConditions)
	}
	return nil
}

// field checks the path of a field.
func (p *parser) field(name string) *protocol.Error {
	if len(name) > MaxFieldBytes {
		return tooComplex("has a field name of more than %d bytes", MaxFieldBytes)
	}
	return nil
}

// under returns the path of a part of what is at path.
func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

const (
	maxReasonBytes = 500
	hintAnyFilter  = `Send an object with one keyword, like {"equals": {"type": "taxi"}}. The document docs/filters.md has them all.`
	hintComplex    = "Ask for less in one filter, or subscribe several times."
)

// bad returns the error about what is at path. Its hint is that of the clause in which it is returned.
func bad(path, reason string) *protocol.Error {
	if path == "" {
		return &protocol.Error{Code: protocol.CodeBadFilter, Reason: reason, Hint: hintAnyFilter}
	}
	return &protocol.Error{Code: protocol.CodeBadFilter, Reason: cut(`"` + path + `": ` + reason)}
}

func tooComplex(format string, args ...any) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeFilterTooComplex, Reason: "Filter too complex: " + fmt.Sprintf(format, args...), Hint: hintComplex}
}

// cut shortens a reason, since it repeats what the client sent.
func cut(reason string) string {
	if len(reason) <= maxReasonBytes {
		return reason
	}
	return strings.ToValidUTF8(reason[:maxReasonBytes], "") + "…"
}

// compacted returns raw without white space between tokens, within MaxBytes.
func compacted(raw []byte) ([]byte, error) {
	if len(raw) > 8*MaxBytes {
		return nil, tooComplex("is longer than %d bytes", MaxBytes)
	}
	if !utf8.Valid(raw) {
		return nil, bad("", "is not UTF-8")
	}
	compact, err := compactJSON(raw)
	if err != nil {
		return nil, bad("", "is not JSON")
	}
	if len(compact) > MaxBytes {
		return nil, tooComplex("is longer than %d bytes", MaxBytes)
	}
	return compact, nil
}
