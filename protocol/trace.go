package protocol

// traceBytes is the length of a traceparent.
const traceBytes = 55

// ValidTrace recognises a W3C trace context of one line, as the header traceparent carries it: version, trace id,
// parent id and flags, in small hexadecimal digits: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01. Ids of
// zeros and version ff are invalid, as W3C has it.
func ValidTrace(s string) bool {
	if len(s) != traceBytes || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return false
	}
	return hexadecimal(s[:2]) && hexadecimal(s[3:35]) && hexadecimal(s[36:52]) && hexadecimal(s[53:]) && !zeros(s[3:35]) && !zeros(s[36:52])
}

// traceOf reads a message's trace context.
func traceOf(id field, v []byte) (string, error) {
	trace, err := text(id, v, traceBytes)
	if err == nil && !ValidTrace(trace) {
		err = mustBe(id, "a W3C traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	}
	return trace, err
}

// TraceID returns the trace id of a valid trace context, the part that all spans of one trace share; "" for none.
func TraceID(trace string) string {
	if len(trace) != traceBytes {
		return ""
	}
	return trace[3:35]
}

func hexadecimal(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func zeros(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
