package access

import (
	"encoding/base64"
	"slices"
	"strings"

	"tidings/protocol"
)

// algorithms are those that a token may be signed with. "none" is not among them.
var algorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"}

// header is what a token says of itself before anything is verified.
type header struct{ algorithm, key string }

// readHeader reads it as strictly as an envelope: no name twice, no extension that must be understood (crit), no type
// of another kind of token.
func readHeader(token string) (h header, fault *protocol.Error) {
	encoded, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return h, tokenError("the token's header is not base64url")
	}
	err = protocol.ReadObject(raw, func(name string, value []byte) (err error) {
		switch name {
		case "alg":
			h.algorithm, err = protocol.ReadString(value)
		case "kid":
			if h.key, err = protocol.ReadString(value); err == nil && (h.key == "" || len(h.key) > maxKeyIDBytes) {
				err = errToken
			}
		case "typ":
			var kind string
			if kind, err = protocol.ReadString(value); err == nil && !accessToken(kind) {
				err = errToken
			}
		case "crit", "b64", "zip":
			err = errToken
		}
		return err
	})
	if err != nil || !slices.Contains(algorithms, h.algorithm) {
		return h, tokenError("the token's header is not one that this server takes")
	}
	return h, nil
}

func accessToken(kind string) bool {
	kind = strings.ToLower(kind)
	return slices.Contains([]string{"jwt", "at+jwt", "application/jwt", "application/at+jwt"}, kind)
}
