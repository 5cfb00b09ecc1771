package protocol

import (
	"strings"
	"unicode"
)

// CheckIdempotencyKey fails with bad_request where key is none: it must have 1 to MaxIdempotencyKeyBytes bytes and no
// control characters, which nobody types and no header carries.
func CheckIdempotencyKey(key string) error {
	if key == "" || len(key) > MaxIdempotencyKeyBytes || strings.ContainsFunc(key, unicode.IsControl) {
		return &Error{CodeBadRequest, `"idempotencyKey" must hold 1 to 128 bytes and no control characters`, "Use a random text of your own, such as a UUID, or none."}
	}
	return nil
}
