package main

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const defaultURL = "http://127.0.0.1:8080"

// publisher is what the flags of `tidings publish` say.
type publisher struct {
	url, keyFile    string
	data, dataFile  string
	text            string // "-": standard input is a text
	given           *pflag.FlagSet
	volatile        bool
	spread, pattern string
	exclude, tab    string
	event, key      string
	meta            string
	lines, progress bool
	retries         int
	client          *http.Client
	errors, answers io.Writer
	input           io.Reader
}

func publishCommand() *cobra.Command {
	p := &publisher{client: &http.Client{Timeout: 15 * time.Second}}
	cmd := &cobra.Command{
		Use:   "publish [channel…]",
		Short: "Publish a message to one or several channels, and print where it stands",
		Long: "Publish a message to one or several channels, or to those of a --pattern that somebody hears, and print where it stands. Without either the server's routes\n" +
			"decide by --event and the message.",
		Example: `  tidings publish orders/new --data '{"id": 17}'
  echo '"hello"' | tidings publish greetings
  tidings publish a b c --text 'to three channels'
  date | tidings publish clock --text -
  tidings publish --pattern 'chat:*' --event closing --data null
  tidings publish --event 'messages created' --data '{"userId": 7}'
  tidings publish logs --lines --progress < messages.ndjson`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, channels []string) error {
			p.input, p.answers, p.errors = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			p.given = cmd.Flags()
			switch {
			case p.lines && p.text != "" && p.text != "-":
				return errors.New("--lines reads its messages from standard input: use --text - to publish lines as texts")
			case p.pattern != "" && len(channels) > 0:
				return errors.New("name channels, or give --pattern")
			case p.meta != "" && !json.Valid([]byte(p.meta)):
				return errors.New(`--meta is not JSON; give an object, such as --meta '{"from": "desk"}'`)
			case p.pattern == "" && p.event == "" && len(channels) == 0:
				return errors.New("name a channel, or give --pattern, or --event for the server's routes to decide by")
			}
			if !p.lines {
				return p.run(cmd.Context(), channels)
			}
			if len(channels) != 1 {
				return errors.New("--lines publishes to one channel")
			}
			return p.publishLines(cmd.Context(), channels[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.url, "url", environ("TIDINGS_URL", defaultURL), "the server, with its base path (environment: TIDINGS_URL)")
	flags.StringVar(&p.keyFile, "key-file", "", "a file with the API key; else the environment's TIDINGS_API_KEY")
	flags.StringVar(&p.data, "data", "", "the message, as JSON; without --data, --data-file and --text it is read from standard input")
	flags.StringVar(&p.dataFile, "data-file", "", "a file with the message")
	flags.StringVar(&p.text, "text", "", "the message, as a text; - reads the text from standard input, with --lines one per line")
	flags.StringVar(&p.event, "event", "", "a name for the kind of message")
	flags.StringVar(&p.meta, "meta", "", "a JSON object of at most 4 KiB, kept and delivered beside the message")
	flags.StringVar(&p.pattern, "pattern", "", "publish to the channels whose names match, such as 'chat:*' or 'orders/**', instead of named ones")
	flags.StringVar(&p.exclude, "exclude", "", "the id of a connection, or of a page, that shall not get it")
	flags.StringVar(&p.tab, "exclude-tab", "", "the name of a browser's tab that shall not get it")
	flags.StringVar(&p.key, "idempotency-key", "", "a key of your own; a random one by default, so that a retry publishes once")
	flags.StringVar(&p.spread, "spread", "", "who refetches because of it waits a random part of this first, such as 5s")
	flags.BoolVar(&p.volatile, "volatile", false, "deliver to who is there; keep nothing, retry nothing")
	flags.IntVar(&p.retries, "retries", 5, "how often to try again when the server cannot be reached or says so")
	flags.BoolVar(&p.lines, "lines", false, "each line of standard input is a message; prints the sum at the end. With --idempotency-key a run that broke can be repeated: what was published is not published again (within 5 minutes)")
	flags.BoolVar(&p.progress, "progress", false, "with --lines, say on standard error each second how far it is")
	cmd.MarkFlagsMutuallyExclusive("data", "data-file", "text")
	cmd.MarkFlagsMutuallyExclusive("lines", "data")
	cmd.MarkFlagsMutuallyExclusive("lines", "pattern")
	cmd.MarkFlagsMutuallyExclusive("lines", "exclude")
	cmd.MarkFlagsMutuallyExclusive("lines", "exclude-tab")
	cmd.MarkFlagsMutuallyExclusive("lines", "data-file")
	cmd.MarkFlagsMutuallyExclusive("volatile", "idempotency-key")
	return cmd
}

func environ(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func (p *publisher) run(ctx context.Context, channels []string) error {
	body, err := p.body(channels)
	if err != nil {
		return err
	}
	apiKey, err := readKey(p.keyFile)
	if err != nil {
		return err
	}
	answer, err := p.postUntil(ctx, "/api/publish", body, apiKey)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.answers, "%s\n", answer); err != nil {
		return err
	}
	return failedResults(answer)
}

// postUntil sends a request until it is answered, or as often as it may.
func (p *publisher) postUntil(ctx context.Context, path string, body []byte, apiKey string) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		answer, retry, err := p.post(ctx, path, body, apiKey)
		if err == nil || !retry || p.volatile || attempt >= p.retries {
			return answer, err
		}
		wait := backoff(attempt)
		fmt.Fprintf(p.errors, "tidings: %v; again in %v\n", err, wait.Round(time.Millisecond))
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// body makes the request's body once: a retry sends the same key.
func (p *publisher) body(channels []string) ([]byte, error) {
	data, err := p.message()
	if err != nil {
		return nil, err
	}
	request := map[string]any{"data": data}
	switch len(channels) {
	case 0:
		if p.pattern != "" {
			request["pattern"] = p.pattern
		}
	case 1:
		request["channel"] = channels[0]
	default:
		request["channels"] = channels
	}
	exclude := map[string]string{}
	if p.exclude != "" {
		exclude["connection"] = p.exclude
	}
	if p.tab != "" {
		exclude["tab"] = p.tab
	}
	if len(exclude) > 0 {
		request["exclude"] = exclude
	}
	if p.meta != "" {
		request["meta"] = json.RawMessage(p.meta)
	}
	if p.event != "" {
		request["event"] = p.event
	}
	if p.spread != "" {
		request["spread"] = p.spread
	}
	switch {
	case p.volatile:
		request["volatile"] = true
	case p.key != "":
		request["idempotencyKey"] = p.key
	default:
		request["idempotencyKey"] = cryptorand.Text()
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // the message goes out as it was given
	err = encoder.Encode(request)
	return body.Bytes(), err
}

// message returns what is published, as JSON. An empty standard input is no message: most often somebody forgot it.
func (p *publisher) message() (json.RawMessage, error) {
	if p.given.Changed("text") && p.text != "-" {
		return json.Marshal(p.text)
	}
	raw := []byte(p.data)
	var err error
	switch {
	case p.dataFile != "":
		raw, err = os.ReadFile(p.dataFile)
	case !p.given.Changed("data"):
		if raw, err = io.ReadAll(p.input); err == nil && len(bytes.TrimSpace(raw)) == 0 {
			err = errors.New(`there is no message: standard input is empty. Give it with --data, --text or --data-file; --text '' publishes an empty text`)
		}
	}
	if err != nil {
		return nil, err
	}
	if p.text == "-" {
		return json.Marshal(strings.TrimSuffix(string(raw), "\n"))
	}
	if !json.Valid(raw) {
		return nil, errors.New(`the message is not JSON; use --text to publish it as a text, or quote it: '"…"'`)
	}
	return raw, nil
}

// readKey takes the first key of a file as the server has it, without its name and scopes; without a file that of the
// environment.
func readKey(file string) (string, error) {
	if file == "" {
		return bareKey(os.Getenv("TIDINGS_API_KEY")), nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		if key := bareKey(line); key != "" && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return key, nil
		}
	}
	return "", fmt.Errorf("%s holds no key", file)
}

func bareKey(line string) string {
	words := strings.Fields(line)
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return words[1] // NAME KEY SCOPE…
}

// post sends the request once. retry reports whether the same request may succeed later: after a failure of the network
// the outcome is unknown, and the idempotency key makes the repetition safe.
func (p *publisher) post(ctx context.Context, path string, body []byte, apiKey string) (answer []byte, retry bool, err error) {
	url := strings.TrimSuffix(p.url, "/") + path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	request.Header.Set("Content-Type", "application/json")
	if apiKey != "" {
		request.Header.Set("Authorization", "Bearer "+apiKey)
	}
	return exchange(p.client, request)
}

// exchange sends a request once. retry reports whether the same request may succeed later.
func exchange(client *http.Client, request *http.Request) (answer []byte, retry bool, err error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, request.Context().Err() == nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return nil, true, err
	}
	if response.StatusCode == http.StatusOK {
		return bytes.TrimSpace(answer), false, nil
	}
	return nil, retryable(response.StatusCode, answer), refusal(response, answer)
}

// refused is the body of an error.
type refused struct {
	Error *struct {
		Code, Message, Hint string
		Retry               bool
	}
}

func retryable(status int, answer []byte) bool {
	var r refused
	if json.Unmarshal(answer, &r) == nil && r.Error != nil {
		return r.Error.Retry
	}
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout // a proxy's
}

func refusal(response *http.Response, answer []byte) error {
	var r refused
	if json.Unmarshal(answer, &r) == nil && r.Error != nil {
		return fmt.Errorf("%s: %s. %s", r.Error.Code, r.Error.Message, r.Error.Hint)
	}
	return fmt.Errorf("the server at %s answered %s, which is no answer of Tidings", response.Request.URL.Host, response.Status)
}

// failedResults looks for channels that failed in an answer to several.
func failedResults(answer []byte) error {
	var several struct{ Results []refused }
	if err := json.Unmarshal(answer, &several); err != nil {
		return err
	}
	failed := 0
	for _, r := range several.Results {
		if r.Error != nil {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d channels failed", failed, len(several.Results))
	}
	return nil
}

// backoff is full jitter: from 0 to 0.2 s, doubled with each attempt, at most 20 s.
func backoff(attempt int) time.Duration {
	return rand.N(min(200*time.Millisecond<<min(attempt, 10), 20*time.Second))
}
