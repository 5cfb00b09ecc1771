package protocol

import "strconv"

// The functions below append one member, with the comma before it where it is not the first.

func appendName(dst []byte, f field) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, fieldNames[f]...)
	return append(dst, `":`...)
}

func appendText(dst []byte, f field, v string) []byte { return appendString(appendName(dst, f), v) }

func appendNumber(dst []byte, f field, v uint64) []byte {
	return strconv.AppendUint(appendName(dst, f), v, 10)
}

func appendTruth(dst []byte, f field, v bool) []byte {
	return strconv.AppendBool(appendName(dst, f), v)
}

// appendRaw appends a member whose value is JSON already; absent is written where v is empty.
func appendRaw(dst []byte, f field, v []byte, absent string) []byte {
	dst = appendName(dst, f)
	if len(v) == 0 {
		return append(dst, absent...)
	}
	return append(dst, v...)
}

func appendPosition(dst []byte, f field, p *Position) []byte {
	dst = append(appendName(dst, f), '{')
	return append(appendPositionFields(dst, p), '}')
}

func appendPositionFields(dst []byte, p *Position) []byte {
	dst = appendText(dst, fEpoch, p.Epoch)
	dst = appendNumber(dst, fOffset, p.Offset)
	return appendText(dst, fTag, p.Tag)
}
