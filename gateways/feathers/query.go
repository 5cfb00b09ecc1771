package feathers

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"tidings/protocol"
)

// query is what a call's query says.
type query struct {
	limit, skip int
	sort        []string
	fields      []string        // $select; nil: all
	filter      json.RawMessage // nil: none
}

// Bounds of a page. The store's own is 256 documents.
const (
	defaultLimit = 100
	maxReach     = 256 // of $skip and $limit together
)

// readQuery reads a query of Feathers: $limit, $skip, $sort, $select, and conditions on fields. Absent and null are
// empty. What it does not know, and begins with $, is a BadRequest.
func readQuery(raw json.RawMessage) (*query, *Fault) {
	q := &query{limit: defaultLimit}
	if raw == nil || string(raw) == "null" {
		return q, nil
	}
	conditions := []byte{'{'}
	var fault *Fault
	err := protocol.ReadObject(raw, func(name string, value []byte) error {
		if fault != nil {
			return nil
		}
		switch name {
		case "$limit":
			q.limit, fault = count(name, value)
		case "$skip":
			q.skip, fault = count(name, value)
		case "$sort":
			q.sort, fault = sorts(value)
		case "$select":
			if json.Unmarshal(value, &q.fields) != nil {
				fault = badRequest.because("$select must be an array of names")
			}
			q.fields = append(q.fields, "id")
		default:
			if len(conditions) > 1 {
				conditions = append(conditions, ',')
			}
			conditions = append(append(append(conditions, quote(name)...), ':'), value...)
		}
		return nil
	})
	switch {
	case fault != nil:
		return nil, fault
	case err != nil:
		return nil, badRequest.because("the query must be an object")
	case q.skip+q.limit > maxReach:
		return nil, NotOffered("a page beyond the first 256 records")
	}
	if conditions = append(conditions, '}'); len(conditions) > 2 {
		if q.filter, fault = filterOf(conditions, 0); fault != nil {
			return nil, fault
		}
	}
	return q, nil
}

// count reads a number, which clients over other ways write as a text.
func count(name string, value []byte) (int, *Fault) {
	n, err := strconv.Atoi(string(bytes.Trim(value, `"`)))
	if err != nil || n < 0 || n > 1<<20 {
		return 0, badRequest.because(name + " must be a number that is not negative")
	}
	return n, nil
}

// sorts reads {field: 1 or -1} in its order.
func sorts(value []byte) (list []string, fault *Fault) {
	err := protocol.ReadObject(value, func(name string, v []byte) error {
		switch string(bytes.Trim(v, `"`)) {
		case "1":
			list = append(list, field(name))
		case "-1":
			list = append(list, "-"+field(name))
		default:
			fault = badRequest.because("$sort takes 1 and -1")
		}
		return nil
	})
	if err != nil {
		return nil, badRequest.because("$sort must be an object")
	}
	return list, fault
}

// field returns the store's name of a record's field.
func field(name string) string {
	switch name {
	case "id":
		return "_id"
	case "createdAt", "updatedAt":
		return "_info." + name
	}
	return name
}

// maxDepth bounds $or and $and within each other; a filter's own bound is 16.
const maxDepth = 8

// filterOf puts conditions as a filter.
func filterOf(raw []byte, depth int) (json.RawMessage, *Fault) {
	var all []json.RawMessage
	var fault *Fault
	if depth > maxDepth {
		return nil, badRequest.because("the query is too deep")
	}
	err := protocol.ReadObject(raw, func(name string, value []byte) error {
		var more []json.RawMessage
		if fault == nil {
			if more, fault = conditionsOf(name, value, depth); fault == nil {
				all = append(all, more...)
			}
		}
		return nil
	})
	if err != nil {
		return nil, badRequest.because("a condition must be an object")
	}
	if fault != nil {
		return nil, fault
	}
	return joined("and", all), nil
}

func joined(word string, all []json.RawMessage) json.RawMessage {
	if len(all) == 1 {
		return all[0]
	}
	return clause(word, bytes.Join(slices.Concat([][]byte{}, rawOf(all)), []byte{','}), '[', ']')
}

func rawOf(all []json.RawMessage) (list [][]byte) {
	for _, one := range all {
		list = append(list, one)
	}
	return list
}

// clause returns {"word": <open>inner<shut>}.
func clause(word string, inner []byte, open, shut byte) json.RawMessage {
	b := append(append([]byte{'{'}, quote(word)...), ':', open)
	return append(append(b, inner...), shut, '}')
}

// about returns {"word": {"field": value}}.
func about(word, name string, value []byte) json.RawMessage {
	return clause(word, append(append(quote(field(name)), ':'), value...), '{', '}')
}

func not(f json.RawMessage) json.RawMessage {
	return append(append(json.RawMessage(`{"not":`), f...), '}')
}

// conditionsOf puts what a query says of one name.
func conditionsOf(name string, value []byte, depth int) ([]json.RawMessage, *Fault) {
	switch {
	case name == "$or" || name == "$and":
		var parts []json.RawMessage
		if json.Unmarshal(value, &parts) != nil || len(parts) == 0 {
			return nil, badRequest.because(name + " must be an array of queries")
		}
		for i, part := range parts {
			inner, fault := filterOf(part, depth+1)
			if fault != nil {
				return nil, fault
			}
			parts[i] = inner
		}
		return []json.RawMessage{joined(name[1:], parts)}, nil
	case name[:min(1, len(name))] == "$":
		return nil, badRequest.because("Invalid query parameter " + clipped(name))
	case len(value) > 0 && value[0] == '{':
		return operatorsOf(name, value)
	case len(value) > 0 && value[0] == '[':
		return nil, badRequest.because("an array is no value of a field: use $in")
	}
	return []json.RawMessage{about("equals", name, value)}, nil
}

// operatorsOf puts {field: {$gt: 1, …}}.
func operatorsOf(name string, value []byte) (all []json.RawMessage, fault *Fault) {
	err := protocol.ReadObject(value, func(operator string, v []byte) error {
		switch operator {
		case "$in":
			all = append(all, about("in", name, v))
		case "$nin":
			all = append(all, not(about("in", name, v)))
		case "$ne":
			all = append(all, not(about("equals", name, v)))
		case "$lt", "$lte", "$gt", "$gte":
			all = append(all, about("range", name, append(append(append(append([]byte{'{'}, quote(operator[1:])...), ':'), v...), '}')))
		default:
			fault = badRequest.because("Invalid query parameter " + clipped(operator))
		}
		return nil
	})
	if err != nil || len(all) == 0 && fault == nil {
		return nil, badRequest.because("a condition must be an object with operators")
	}
	return all, fault
}

// selected appends a record with the fields that $select names.
func (q *query) selected(dst, record []byte) []byte {
	if q.fields == nil {
		return append(dst, record...)
	}
	b := []byte{'{'}
	protocol.ReadObject(record, func(name string, value []byte) error {
		if slices.Contains(q.fields, name) {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = append(append(append(b, quote(name)...), ':'), value...)
		}
		return nil
	})
	return append(append(dst, b...), '}')
}
