package protocol

import "strings"

// UnknownField is the refusal of a field, parameter or the like that does not exist. It names it, if it looks like a
// name, and those that are known.
func UnknownField(kind, name string, known []string) *Error {
	reason := "a " + kind + " does not exist"
	if plausible(name) {
		reason = kind + ` "` + name + `" does not exist`
	}
	return &Error{CodeUnknownField, reason, "Known here: " + strings.Join(known, ", ") + "."}
}

func plausible(name string) bool {
	if name == "" || len(name) > 32 {
		return false
	}
	for i := range len(name) {
		b := name[i]
		if b != '_' && b != '-' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}
