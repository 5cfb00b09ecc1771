package protocol

// Error is what a client or an API caller may see of a failure. Everything else is CodeInternal to them and whole in the log.
type Error struct {
	Code   Code
	Reason string // what went wrong; never input echoed, never a library's text
	Hint   string // what to do about it
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Reason }

// Is makes errors.Is compare by code, so that errors.Is(err, &Error{Code: CodeForbidden}) asks for the kind of failure.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}
