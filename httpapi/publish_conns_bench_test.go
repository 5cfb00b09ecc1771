//go:build unix

package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
)

// BenchmarkPublishConns publishes over 8 conns that each wait for the answer. The clients are in this process and as
// plain as they can be: cpu-ns/publish is the CPU of both sides.
func BenchmarkPublishConns(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	brk := memory.New(memory.DefaultConfig())
	defer brk.Close()
	bus, err := actors.Start(actors.Config{Broker: brk, Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Stop()
	cfg := DefaultConfig()
	cfg.Log = log
	if cfg.Keys, err = access.NewKeys(key); err != nil {
		b.Fatal(err)
	}
	api, err := New(bus, cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer api.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := api.Server("")
	go web.Serve(api.Listener(listener, web))
	defer web.Close()
	body := `{"channel":"a","data":{"n":1,"text":"` + strings.Repeat("x", 100) + `"}}`
	request := fmt.Sprintf("POST /api/publish HTTP/1.1\r\nHost: a\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: %d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n%s", len(body), key, body)
	const conns = 8
	var all []*bufio.ReadWriter
	for range conns {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		all = append(all, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)))
	}
	b.ReportAllocs()
	start := used()
	for b.Loop() {
		var wg sync.WaitGroup
		for _, c := range all {
			wg.Go(func() {
				for range 100 {
					c.WriteString(request)
					c.Flush()
					answer, err := http.ReadResponse(c.Reader, nil)
					if err != nil || answer.StatusCode != http.StatusOK {
						b.Error(answer, err)
						return
					}
					io.Copy(io.Discard, answer.Body)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(used()-start)/float64(b.N*conns*100), "cpu-ns/publish")
}

func used() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
