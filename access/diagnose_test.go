package access

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// F83: each fault of a token has its own words, with what was expected and what came.
func TestF83_Diagnose(t *testing.T) {
	now := time.Now()
	tokens := tokensOf(t, secretsConfig)
	hs := func(change map[string]any) string {
		return signed(t, jwt.SigningMethodHS256, testSecret, nil, claimsWith(change))
	}
	good := hs(nil)
	for _, c := range []struct{ name, token, want string }{
		{"a good one", good, ""},
		{"a sub that is a number", hs(map[string]any{"sub": 7}), `the claim "sub" is 7, and must be a text`},
		{"an exp that is a text", hs(map[string]any{"exp": "1700000000"}), `the claim "exp" is not a number of seconds since 1970, but a text`},
		{"an exp in milliseconds", hs(map[string]any{"exp": now.UnixMilli()}), `the claim "exp" is not a number of seconds since 1970: it seems to be in milliseconds`},
		{"an aud that is a number", hs(map[string]any{"aud": 7}), `the claim "aud" is neither a text nor a list of texts`},
		{"another secret", signed(t, jwt.SigningMethodHS256, []byte(strings.Repeat("other", 10)), nil, goodClaims()), "its HS256 signature was made with another secret"},
		{"a bad form", "a.b", "three parts"},
		{"a line break", good + "\n", "line break"},
		{"parts that are no JSON", good[:strings.IndexByte(good, '.')] + "." + base64.RawURLEncoding.EncodeToString([]byte("x")) + ".AA", "not base64url of JSON objects"},
		{"another algorithm", signed(t, jwt.SigningMethodHS512, testSecret, nil, goodClaims()), `there is no such key: there are HS256`},
		{"no algorithm", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, goodClaims()), `alg is "none"`},
		{"another issuer", hs(map[string]any{"iss": "https://other"}), `iss is "https://other", and tokens.issuer is "` + issuer + `"`},
		{"another audience", hs(map[string]any{"aud": []string{"x", "y"}}), `aud is ["x" "y"], and tokens.audience is "` + aud + `"`},
		{"no exp", hs(map[string]any{"exp": nil}), "exp is missing"},
		{"expired", hs(map[string]any{"exp": now.Add(-time.Hour).Unix()}), "ago"},
		{"not yet", hs(map[string]any{"nbf": now.Add(time.Hour).Unix()}), "nbf is"},
		{"issued tomorrow", hs(map[string]any{"iat": now.Add(24 * time.Hour).Unix()}), "iat is"},
		{"valid for too long", hs(map[string]any{"exp": now.Add(48 * time.Hour).Unix()}), "tokens.max_lifetime is 24h0m0s"},
		{"no sub", hs(map[string]any{"sub": nil}), "sub is missing"},
		{"a sub that is too long", hs(map[string]any{"sub": strings.Repeat("s", 129)}), "sub has 129 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := tokens.Diagnose(t.Context(), c.token); err != nil {
				got = err.Error()
			}
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if _, fault := tokens.Verify(t.Context(), c.token); fault != nil && c.want != "three parts" && c.want != "line break" && strings.Contains(fault.Reason, c.want) {
				t.Errorf("a stranger is told %q", fault.Reason)
			}
		})
	}
}
