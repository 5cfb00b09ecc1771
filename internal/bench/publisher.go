package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// payloadBytes is the size of data in every scenario.
const payloadBytes = 128

// body is one publish request whose data is exactly payloadBytes long and says when it was made.
func body(channel string) string {
	head := fmt.Sprintf(`{"t":%d,"p":"`, time.Now().UnixNano())
	return `{"channel":"` + channel + `","data":` + head + strings.Repeat("x", payloadBytes-len(head)-2) + `"}}`
}

func (t *target) client() *http.Client {
	return &http.Client{Transport: &formTransport{form: t.form, base: &http.Transport{MaxIdleConnsPerHost: 16}}}
}

// formTransport names the bytes that the raw server writes.
type formTransport struct {
	form string
	base *http.Transport
}

func (f *formTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Form", f.form)
	return f.base.RoundTrip(r)
}

// publishFor publishes at a rate, in publishes a second, for a time, over conns keep-alive connections. It returns how
// many were answered.
func publishFor(t *target, channel func(i int) string, rate float64, d time.Duration, conns int) (int, error) {
	total := int(rate * d.Seconds())
	var next, done atomic.Int64
	var wg sync.WaitGroup
	var failure atomic.Pointer[error]
	start := time.Now()
	for range conns {
		wg.Go(func() {
			c := t.client()
			defer c.CloseIdleConnections()
			for {
				i := int(next.Add(1)) - 1
				if i >= total || failure.Load() != nil {
					return
				}
				time.Sleep(time.Until(start.Add(time.Duration(float64(i) / rate * float64(time.Second)))))
				if err := post(c, "http://"+t.server.addr+"/api/publish", body(channel(i))); err != nil {
					failure.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failure.Load(); err != nil {
		return int(done.Load()), *err
	}
	return int(done.Load()), nil
}
