// Command publish-go publishes one message and prints its position: publish-go CHANNEL JSON [KEY]. Standard library only.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"time"
)

// Published is the server's answer.
type Published struct {
	Epoch     string
	Offset    uint64
	Tag       string
	Duplicate bool
	Receivers int
}

// Refused is the server's answer where it did not publish.
type Refused struct {
	Code, Message, Hint string
	Retry               bool
}

func (r *Refused) Error() string { return r.Code + ": " + r.Message + ". " + r.Hint }

const attempts = 6

// Publish publishes data once, however often it has to be sent.
func Publish(ctx context.Context, channel string, data any, key string) (*Published, error) {
	body, err := json.Marshal(map[string]any{"channel": channel, "data": data, "idempotencyKey": key})
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		published, err := post(ctx, body)
		var refused *Refused
		if err == nil || errors.As(err, &refused) && !refused.Retry || attempt == attempts-1 || ctx.Err() != nil {
			return published, err
		}
		select { // any other error means that no answer came: the message may stand, or not
		case <-ctx.Done():
		case <-time.After(mathrand.N(min(20*time.Second, 200*time.Millisecond<<attempt))):
		}
	}
}

func post(ctx context.Context, body []byte) (*Published, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("TIDINGS_URL")+"/api/publish", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TIDINGS_API_KEY"))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		published := &Published{}
		return published, json.Unmarshal(text, published)
	}
	var refusal struct{ Error *Refused }
	if json.Unmarshal(text, &refusal) == nil && refusal.Error != nil {
		return nil, refusal.Error
	}
	// Not Tidings: a proxy in between.
	gateway := answer.StatusCode == 502 || answer.StatusCode == 503 || answer.StatusCode == 504
	return nil, &Refused{Code: answer.Status, Message: "no answer of Tidings", Hint: "Look at the proxy's log.", Retry: gateway}
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: publish-go CHANNEL JSON [KEY]")
		os.Exit(2)
	}
	key := rand.Text()
	if len(os.Args) > 3 {
		key = os.Args[3]
	}
	published, err := Publish(context.Background(), os.Args[1], json.RawMessage(os.Args[2]), key)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s:%d:%s\n", published.Epoch, published.Offset, published.Tag)
}
