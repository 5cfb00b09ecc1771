// Makes the signed connection id of a page: CONNECTION_ID_SECRET is the server's connection_ids.secret, the argument the key of the visitor's session.
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
)

func connectionID(secret []byte, sessionKey string) (page, id string) {
	page, key, mac := rand.Text(), sha256.Sum256([]byte(sessionKey)), hmac.New(sha256.New, secret)
	signed := page + "~" + base64.RawURLEncoding.EncodeToString(key[:])
	mac.Write([]byte(signed))
	return page, signed + "~" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: connection-id-go SESSION-KEY")
		os.Exit(2)
	}
	_, id := connectionID([]byte(os.Getenv("CONNECTION_ID_SECRET")), os.Args[1])
	fmt.Println(id)
}
