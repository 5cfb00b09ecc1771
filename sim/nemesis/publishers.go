package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// publishers are backends: each publishes over HTTP, one message after the other, and repeats each with its key until
// it is answered.
type publishers struct {
	*stage
	cancel context.CancelFunc // ends what is repeated, after a while
	ending chan struct{}
	once   sync.Once
	wait   sync.WaitGroup
}

// word stands in every 30th message; a box on the way may refuse it.
const word = "DROP TABLE"

// startPublishers starts a publisher for each calm channel, a message a second, of which every second one goes through
// the proxy, and one for the busy channel, which does not.
func startPublishers(s *stage) *publishers {
	ctx, cancel := context.WithCancel(context.Background())
	p := &publishers{stage: s, cancel: cancel, ending: make(chan struct{})}
	for i := range calmChannels {
		base := s.direct
		if i%2 == 1 {
			base = s.url
		}
		p.wait.Go(func() { p.publish(ctx, base, calm(i), time.Second) })
	}
	p.wait.Go(func() { p.publish(ctx, s.direct, busyChannel, time.Second/busyRate) })
	return p
}

// stop waits until everybody finishes what was begun, clients too, for at most half a minute.
func (p *publishers) stop() {
	p.once.Do(func() {
		p.log.resting.Store(true)
		close(p.ending)
		for _, page := range p.pages {
			page.rest()
		}
		for _, c := range p.goes {
			c.wait.Wait()
		}
		late := time.AfterFunc(30*time.Second, p.cancel)
		p.wait.Wait()
		late.Stop()
		p.cancel()
	})
}

func (p *publishers) publish(ctx context.Context, base, channel string, every time.Duration) {
	web := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	defer web.CloseIdleConnections()
	beat := time.NewTicker(every)
	defer beat.Stop()
	for n := 1; ; n++ {
		select {
		case <-beat.C:
		case <-p.ending:
			return
		}
		data := payload(channel, n)
		key := fmt.Sprintf("%s %d", channel, n)
		body, _ := json.Marshal(map[string]any{"channel": channel, "data": data, "idempotencyKey": key})
		for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
			p.log.tried()
			if p.ask(ctx, web, base, key, body, heard{channel: channel, data: digest(data)}) {
				break
			}
			if pause(ctx, wait) != nil {
				return
			}
		}
	}
}

// ask sends a publish once. It reports whether it was answered.
func (p *publishers) ask(ctx context.Context, web *http.Client, base, key string, body []byte, h heard) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/publish", bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := web.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	var got struct {
		position
		ID string
	}
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(text, &got) != nil {
		return false
	}
	h.at, h.id = got.at(), got.ID
	p.log.ack(key, h)
	return true
}

// payload is the nth message of somebody: mostly short, every 20th of 1 to 3 KB, every 30th with the word.
func payload(who string, n int) json.RawMessage {
	text := ""
	switch {
	case n%20 == 7:
		text = strings.Repeat("x", 1000+n%3*1000)
	case n%30 == 11:
		text = word
	}
	data, _ := json.Marshal(struct {
		P    string `json:"p"`
		N    int    `json:"n"`
		Text string `json:"text,omitempty"`
	}{who, n, text})
	return data
}
