package protocol

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendString appends v as a JSON string on one line. Bytes that are not UTF-8 become U+FFFD.
func appendString(dst []byte, v string) []byte {
	dst = append(dst, '"')
	done := 0 // v[:done] is written
	for i := 0; i < len(v); {
		c := v[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = appendEscape(append(dst, v[done:i]...), c)
			i++
			done = i
			continue
		}
		r, n := utf8.DecodeRuneInString(v[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(append(dst, v[done:i]...), "\ufffd"...)
			done = i + n
		case r == '\u2028', r == '\u2029': // line ends to JavaScript before 2019
			dst = append(append(dst, v[done:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			done = i + n
		}
		i += n
	}
	return append(append(dst, v[done:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// unescape returns the text of a string that the scanner passed: what stood between its quotes. A lone surrogate
// becomes U+FFFD; the scanner lets none through but in data.
func unescape(inner []byte) []byte {
	dst := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); {
		if inner[i] != '\\' {
			dst = append(dst, inner[i])
			i++
			continue
		}
		switch c := inner[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n := unescapeRune(inner[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		default:
			dst = append(dst, c)
		}
		i += 2
	}
	return dst
}

// unescapeRune reads the \u escape at the start of b, or the two of a surrogate pair.
func unescapeRune(b []byte) (r rune, n int) {
	r, _ = hex4(b)
	if !isSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(b[6:]); ok && r < 0xdc00 && low >= 0xdc00 && low < 0xe000 {
		return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, 12
	}
	return utf8.RuneError, 6
}

// appendCompact appends the valid JSON v without white space between its tokens.
func appendCompact(dst, v []byte) []byte {
	for i := 0; i < len(v); {
		switch c := v[i]; {
		case c == '"':
			end := i + 1
			for v[end] != '"' {
				if v[end] == '\\' {
					end++
				}
				end++
			}
			dst = append(dst, v[i:end+1]...)
			i = end + 1
		case isSpace(c):
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
