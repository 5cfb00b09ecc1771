package main

import (
	cryptorand "crypto/rand"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"tidings/documents"
)

// documentsCommands is what the commands of `tidings documents` share.
type documentsCommands struct {
	remote
	retries int
}

// documentsPath returns the path of a collection, and of what is in it.
func documentsPath(collection string, more ...string) (string, error) {
	c, err := documents.ParseCollection(collection)
	if err != nil {
		return "", fmt.Errorf("%q is no collection: name it as index/name, such as city/taxis, each of a-z, 0-9, -, _ and, inside, dots", collection)
	}
	path := "/api/documents/" + c.String()
	for _, part := range more {
		path += "/" + url.PathEscape(part)
	}
	return path, nil
}

// ask makes a request until it is answered, or as often as it may, and returns the answer.
func (d *documentsCommands) ask(cmd *cobra.Command, method, path string, body []byte, header ...string) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		r, err := d.request(cmd.Context(), method, path, body)
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, again, err := exchange(d.client, r)
		if err == nil || !again || attempt >= d.retries {
			return answer, err
		}
		wait := backoff(attempt)
		fmt.Fprintf(cmd.ErrOrStderr(), "tidings: %v; again in %v\n", err, wait.Round(time.Millisecond))
		if err := pause(cmd.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// onceHeader is an idempotency key for a request that may be sent several times.
func onceHeader() []string { return []string{"Idempotency-Key", cryptorand.Text()} }
