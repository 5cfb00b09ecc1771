package main

import (
	"bufio"
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tidings/protocol"
)

// What a batch of `publish --lines` holds at most: below the API's limits, and small enough that progress is seen.
const (
	batchLines = 200
	batchBytes = protocol.MaxAPIBodyBytes / 2
	maxLine    = 2 * protocol.MaxPayloadBytes // of one line: what is longer cannot be published however it is written
)

// textLine is one message to publish.
type textLine struct {
	number int // from 1
	item   json.RawMessage
	long   bool // there is more of it than maxLine
	tries  int
}

// sum is what `publish --lines` prints at its end.
type sum struct {
	Published  int     `json:"published"`
	Duplicates int     `json:"duplicates"` // of them, those that an earlier run with the same --idempotency-key published
	Failed     int     `json:"failed"`
	Seconds    float64 `json:"seconds"`
}

// publishLines publishes each line of the input as a message, in batches of what there is, so that a slow input is not
// kept waiting. Each line has an idempotency key of its own: a batch that has no answer is sent again, and so may be
// the whole input with the same --idempotency-key.
func (p *publisher) publishLines(ctx context.Context, channel string) error {
	apiKey, err := readKey(p.keyFile)
	if err != nil {
		return err
	}
	began := time.Now()
	total := sum{}
	shown := startProgress(p.progress, p.errors, "published")
	defer shown.stop()
	lines, broken := p.scan(ctx)
	for batch := []textLine(nil); ; {
		if len(batch) == 0 {
			if batch = gather(lines); batch == nil {
				break
			}
		}
		before := total.Published
		batch, err = p.publishBatch(ctx, channel, batch, apiKey, &total)
		shown.add(total.Published - before)
		if err != nil {
			break
		}
	}
	total.Seconds = time.Since(began).Seconds()
	if printed, failed := json.Marshal(total); failed == nil {
		fmt.Fprintf(p.answers, "%s\n", printed)
	}
	select {
	case broke := <-broken:
		if err == nil {
			err = broke
		}
	default:
	}
	if err == nil && total.Failed > 0 {
		err = fmt.Errorf("%d of %d lines failed", total.Failed, total.Failed+total.Published)
	}
	return err
}

// scan reads lines ahead of their use, a batch of them at most.
func (p *publisher) scan(ctx context.Context) (<-chan textLine, <-chan error) {
	lines, broken := make(chan textLine, batchLines), make(chan error, 1)
	go func() {
		defer close(lines)
		input := bufio.NewReaderSize(p.input, maxLine)
		for n := 1; ; n++ {
			item, long, err := readLine(input)
			if err != nil && err != io.EOF {
				broken <- err
				return
			}
			if len(item) > 0 && (p.text == "-" || len(bytes.TrimSpace(item)) > 0) || p.text == "-" && err == nil {
				select {
				case lines <- textLine{number: n, item: item, long: long}:
				case <-ctx.Done():
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}()
	return lines, broken
}

// readLine returns a line without its end, at most maxLine bytes of it; long reports that there was more, which is
// passed over. It fails with io.EOF after the last line, which may come with it.
func readLine(input *bufio.Reader) (item []byte, long bool, err error) {
	item, err = input.ReadSlice('\n')
	item = bytes.Clone(item)
	for err == bufio.ErrBufferFull {
		long = true
		_, err = input.ReadSlice('\n')
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(item, []byte("\n")), []byte("\r")), long, err
}

// gather waits for a first line and takes what else is there; nil at the end.
func gather(lines <-chan textLine) (batch []textLine) {
	first, ok := <-lines
	if !ok {
		return nil
	}
	batch = append(batch, first)
	for size := len(first.item); len(batch) < batchLines && size < batchBytes; {
		select {
		case l, ok := <-lines:
			if !ok {
				return batch
			}
			batch = append(batch, l)
			size += len(l.item)
		default:
			return batch
		}
	}
	return batch
}

// publishBatch sends lines and returns those to be sent again.
func (p *publisher) publishBatch(ctx context.Context, channel string, batch []textLine, apiKey string, total *sum) (again []textLine, err error) {
	if p.key == "" {
		p.key = cryptorand.Text()
	}
	items := make([]map[string]any, 0, len(batch))
	sent := batch[:0:len(batch)]
	for _, l := range batch {
		item, err := p.item(channel, l)
		if err != nil {
			p.failed(l, err.Error(), total)
			continue
		}
		items, sent = append(items, item), append(sent, l)
	}
	if len(items) == 0 {
		return nil, nil
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"items": items}); err != nil {
		return nil, err
	}
	answer, err := p.postUntil(ctx, "/api/batch", body.Bytes(), apiKey)
	if err != nil {
		return nil, err
	}
	var results struct {
		Results []struct {
			refused
			Duplicate bool
		}
	}
	if err := json.Unmarshal(answer, &results); err != nil || len(results.Results) != len(sent) {
		return nil, fmt.Errorf("the server's answer has %d results for %d lines (%v)", len(results.Results), len(sent), err)
	}
	for i, r := range results.Results {
		switch l := sent[i]; {
		case r.Error == nil:
			total.Published++
			if r.Duplicate {
				total.Duplicates++
			}
		case r.Error.Retry && !p.volatile && l.tries < p.retries:
			l.tries++
			again = append(again, l)
		default:
			p.failed(l, r.Error.Code+": "+r.Error.Message, total)
		}
	}
	if len(again) > 0 {
		err = pause(ctx, backoff(again[0].tries))
	}
	return again, err
}

func (p *publisher) item(channel string, l textLine) (map[string]any, error) {
	data := l.item
	if l.long {
		return nil, fmt.Errorf("%s: it is longer than %d bytes", protocol.CodeTooLarge, maxLine)
	}
	if p.text == "-" {
		data, _ = json.Marshal(string(l.item))
	} else if !json.Valid(data) {
		return nil, fmt.Errorf("it is not JSON; use --text - to publish lines as texts")
	}
	item := map[string]any{"channel": channel, "data": data}
	if p.event != "" {
		item["event"] = p.event
	}
	if p.meta != "" {
		item["meta"] = json.RawMessage(p.meta)
	}
	if p.spread != "" {
		item["spread"] = p.spread
	}
	if p.volatile {
		item["volatile"] = true
	} else {
		item["idempotencyKey"] = p.key + "-" + strconv.Itoa(l.number)
	}
	return item, nil
}

func (p *publisher) failed(l textLine, reason string, total *sum) {
	total.Failed++
	fmt.Fprintf(p.errors, "tidings: line %d: %s\n", l.number, strings.TrimSuffix(reason, "\n"))
}
