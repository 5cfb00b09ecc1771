package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// remote is the server whose API a command asks, and with which key.
type remote struct {
	url, keyFile string
	client       *http.Client
}

func newRemote() remote { return remote{client: &http.Client{Timeout: 30 * time.Second}} }

// request makes a request of a path of the API.
func (s *remote) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	key, err := readKey(s.keyFile)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	return request, nil
}

// asker asks a server's API. It is what the flags say that commands for operators share.
type asker struct {
	remote
	json bool
}

func newAsker() asker { return asker{remote: newRemote()} }

func (a *asker) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&a.url, "url", environ("TIDINGS_URL", defaultURL), "the server, with its base path (environment: TIDINGS_URL)")
	flags.StringVar(&a.keyFile, "key-file", "", "a file with the API key; else the environment's TIDINGS_API_KEY")
	flags.BoolVar(&a.json, "json", false, "print JSON, for programs")
}

// get asks for a path of the API and returns the answer.
func (a *asker) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	if encoded := query.Encode(); encoded != "" {
		path += "?" + encoded
	}
	return a.do(ctx, http.MethodGet, path, nil)
}

// post sends body as JSON and returns the answer.
func (a *asker) post(ctx context.Context, path string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return a.do(ctx, http.MethodPost, path, raw)
}

func (a *asker) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := a.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	answer, _, err := exchange(a.client, request)
	if unreached := (*url.Error)(nil); errors.As(err, &unreached) && ctx.Err() == nil {
		err = fmt.Errorf("%w; --url, or TIDINGS_URL, names another server", err)
	}
	return answer, err
}

// shown returns a text that others chose as it may be printed in a terminal: in quotes if it could do more there than
// be read.
func shown(text string) string {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return strconv.Quote(text)
		}
	}
	return text
}

// atMS returns a time in Unix milliseconds as it is printed.
func atMS(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
