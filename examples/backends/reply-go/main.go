// Command reply-go URL EVENT JSON [KEY] says on a reply channel how a job stands.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Reply publishes "progress", "done" or "error" on a reply channel, once, however often it has to be sent until ctx ends.
func Reply(ctx context.Context, replyURL, event string, data any, key string) error {
	// The URL came from a page: only its path and query are used, at the server that we know, lest it send us elsewhere.
	u, err := url.Parse(replyURL)
	if err != nil {
		return err
	}
	target := os.Getenv("TIDINGS_URL") + u.Path + "?" + u.RawQuery
	body, err := json.Marshal(map[string]any{"event": event, "data": data, "idempotencyKey": key})
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		final, err := post(ctx, target, body)
		if err == nil || final || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(mathrand.N(min(20*time.Second, 200*time.Millisecond<<attempt))):
		}
	}
}

// post sends the reply once. final says that it is refused for good: channel_closed, channel_expired, forbidden, …
func post(ctx context.Context, target string, body []byte) (final bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return true, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil || answer.StatusCode == http.StatusOK {
		return false, err
	}
	var refused struct {
		Error struct {
			Code, Message, Hint string
			Retry               bool
		}
	}
	if json.Unmarshal(text, &refused) != nil || refused.Error.Code == "" { // not Tidings: a proxy in between
		return answer.StatusCode < 502, fmt.Errorf("status %s", answer.Status)
	}
	return !refused.Error.Retry, fmt.Errorf("%s: %s. %s", refused.Error.Code, refused.Error.Message, refused.Error.Hint)
}

func main() {
	if len(os.Args) < 4 {
		log.Fatal("reply-go URL EVENT JSON [KEY]")
	}
	key := rand.Text()
	if len(os.Args) > 4 {
		key = os.Args[4]
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := Reply(ctx, os.Args[1], os.Args[2], json.RawMessage(os.Args[3]), key); err != nil {
		log.Fatal(err)
	}
}
