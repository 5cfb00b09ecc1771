package kuzzle

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// appendAnswer appends the response to r: with a result, or with the fault if it is not nil. room is the request's id
// again, by which the SDK finds what the answer is for: without it a promise would never end. Over HTTP there is none.
func appendAnswer(dst []byte, r *request, node string, result []byte, wrong *fault) []byte {
	status := 200
	if wrong != nil {
		status = wrong.status
	}
	dst = append(dst, '{')
	if r.id != "" {
		dst = append(appendText(append(dst, `"requestId":`...), r.id), ',')
	}
	dst = strconv.AppendInt(append(dst, `"status":`...), int64(status), 10)
	dst = append(dst, `,"error":`...)
	if wrong == nil {
		dst = append(dst, "null"...)
	} else {
		dst = wrong.append(dst)
	}
	for _, m := range [...]struct{ name, value string }{{"controller", r.controller}, {"action", r.action}, {"index", r.index}, {"collection", r.collection}} {
		if m.value != "" {
			dst = appendMember(dst, m.name, m.value)
		}
	}
	dst = appendRaw(dst, "volatile", r.volatile)
	dst = appendMember(dst, "node", node)
	dst = append(dst, `,"headers":{}`...)
	dst = appendRaw(dst, "result", result)
	if r.id != "" && !r.overHTTP {
		dst = appendMember(dst, "room", r.id)
	}
	return append(dst, '}')
}

func (f *fault) append(dst []byte) []byte {
	dst = appendText(append(dst, `{"message":`...), f.message)
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(f.status), 10)
	dst = appendMember(dst, "id", f.id)
	dst = strconv.AppendInt(append(dst, `,"code":`...), int64(f.code), 10)
	dst = append(dst, `,"props":[`...)
	for i, p := range f.props {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, p)
	}
	return append(dst, "]}"...)
}

// appendMember appends a member with a text, after a comma.
func appendMember(dst []byte, name, value string) []byte {
	return appendText(appendName(dst, name), value)
}

// appendRaw appends a member with JSON, after a comma; null for none.
func appendRaw(dst []byte, name string, value []byte) []byte {
	dst = appendName(dst, name)
	if len(value) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}

func appendInt(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(dst, name), n, 10)
}

func appendName(dst []byte, name string) []byte {
	return append(append(append(dst, ',', '"'), name...), '"', ':')
}

// appendText appends a JSON string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string always can
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
