package access

import (
	"errors"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"tidings/protocol"
)

var errToken = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the token is not valid", Hint: "tidings token check tells what is wrong with it."}

func tokenError(reason string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeUnauthorized, Reason: reason, Hint: errToken.Hint}
}

// ErrTokenExpired is what an expired token is refused with.
var ErrTokenExpired = &protocol.Error{Code: protocol.CodeTokenExpired, Reason: "the token's time is over", Hint: "Get another, and send it in refresh or connect."}

var errNoKeys = &protocol.Error{Code: protocol.CodeInternal, Reason: "the server cannot check tokens now: its issuer's keys are out of reach", Hint: "Try again; the server's log says why."}

// wrongClaim names the claim that is wrong.
func wrongClaim(err error) string {
	for _, f := range []struct {
		err  error
		name string
	}{
		{jwt.ErrTokenInvalidIssuer, "issuer (iss) is not the one of this service"}, {jwt.ErrTokenInvalidAudience, "audience (aud) does not name this service"},
		{jwt.ErrTokenNotValidYet, "time (nbf) has not come"}, {jwt.ErrTokenUsedBeforeIssued, "time of issue (iat) has not come"},
		{jwt.ErrTokenRequiredClaimMissing, "issuer, audience or expiry (iss, aud, exp) is missing"},
	} {
		if errors.Is(err, f.err) {
			return "the token's " + f.name
		}
	}
	return errToken.Reason
}

// onlyExpired reports whether a token would be valid but for its time: the signature was, and no other claim is wrong.
func onlyExpired(err error) bool {
	if !errors.Is(err, jwt.ErrTokenExpired) {
		return false
	}
	return !slices.ContainsFunc([]error{
		jwt.ErrTokenInvalidIssuer, jwt.ErrTokenInvalidAudience, jwt.ErrTokenNotValidYet, jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenRequiredClaimMissing,
	}, func(other error) bool { return errors.Is(err, other) })
}
