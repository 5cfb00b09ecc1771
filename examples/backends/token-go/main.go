// Signs a token for a user, good for an hour: TOKEN_SECRET is the server's tokens.secret.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func part(value any) string {
	raw, _ := json.Marshal(value) // texts and numbers alone: it cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

func token(secret []byte, user string, roles []string) string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": "https://app.example.com", "aud": "tidings", "sub": user, "iat": now, "exp": now + 3600, "roles": roles}
	signed := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: token-go USER [ROLE…]")
		os.Exit(2)
	}
	fmt.Println(token([]byte(os.Getenv("TOKEN_SECRET")), os.Args[1], os.Args[2:]))
}
