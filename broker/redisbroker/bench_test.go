package redisbroker_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"tidings/broker"
	"tidings/broker/redisbroker"
	"tidings/internal/testredis"
	"tidings/protocol"
)

const (
	benchChannels = 100
	benchAtOnce   = 100
)

var benchData = append(append([]byte{'"'}, bytes.Repeat([]byte("x"), 122)...), '"')

// figure is what one round of one way cost.
type figure struct{ rate, redis, node float64 } // publishes a second; CPU µs of each per publish

// round publishes n messages, many at once.
func round(b *testing.B, server *testredis.Server, n int, publish func(i int) error) figure {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	redis, node, begin := server.CPU(b), processCPU(), time.Now()
	for range benchAtOnce {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := publish(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	return figure{float64(n) / took.Seconds(), per(server.CPU(b) - redis), per(processCPU() - node)}
}

func processCPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(list []figure, of func(figure) float64) float64 {
	var values []float64
	for _, f := range list {
		values = append(values, of(f))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkPublish compares publishes with a script of nothing but XADD and SPUBLISH, by the same client library and as
// many at once: five rounds of each in turn, medians. b.N is not used.
func BenchmarkPublish(b *testing.B) {
	const n = 10_000
	server := testredis.Start(b)
	bus := start(b, config(server.URL()))
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true, DisableRetry: true, ForceSingleClient: true})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	const raw = "#!lua\nredis.call('XADD', KEYS[1], 'MAXLEN', '=', 1000, '*', 'd', ARGV[1])\nreturn redis.call('SPUBLISH', KEYS[2], ARGV[1])"
	if err := client.Do(b.Context(), client.B().ScriptLoad().Script(raw).Build()).Error(); err != nil {
		b.Fatal(err)
	}
	sum := sha1.Sum([]byte(raw))
	hash := hex.EncodeToString(sum[:])
	ways := map[string]func(int) error{
		"raw": func(i int) error {
			tag := fmt.Sprint("raw{", i%benchChannels, "}")
			return client.Do(b.Context(), client.B().Evalsha().Sha1(hash).Numkeys(2).Key(tag+"h", tag+"/").Arg(string(benchData)).Build()).Error()
		},
		"ours": func(i int) error {
			_, err := bus.Publish(b.Context(), broker.Publish{Channel: protocol.Channel(fmt.Sprint("c/", i%benchChannels)), Data: benchData})
			return err
		},
		"keyed": func(i int) error {
			_, err := bus.Publish(b.Context(), broker.Publish{
				Channel: protocol.Channel(fmt.Sprint("c/", i%benchChannels)), Data: benchData, IdempotencyKey: fmt.Sprint(b.Name(), time.Now().UnixNano(), i), Principal: "bench",
			})
			return err
		},
	}
	figures := map[string][]figure{}
	for range 6 { // the first warms up
		for name, publish := range ways {
			figures[name] = append(figures[name], round(b, server, n, publish))
		}
	}
	rate := func(f figure) float64 { return f.rate }
	for name, list := range figures {
		list = list[1:]
		b.ReportMetric(median(list, rate), name+"/s")
		b.ReportMetric(median(list, func(f figure) float64 { return f.redis }), name+"-redis-µs")
		b.ReportMetric(median(list, func(f figure) float64 { return f.node }), name+"-node-µs")
	}
	of := func(name string) float64 { return median(figures[name][1:], rate) / median(figures["raw"][1:], rate) }
	b.ReportMetric(of("ours"), "ours/raw")
	b.ReportMetric(of("keyed"), "keyed/raw")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkReturn is 1,000 clients that come back at once to one channel of which each missed 100 messages.
func BenchmarkReturn(b *testing.B) {
	server := testredis.Start(b)
	bus := start(b, config(server.URL()))
	first, err := bus.Publish(b.Context(), broker.Publish{Channel: "a", Data: benchData})
	if err != nil {
		b.Fatal(err)
	}
	for range 100 {
		if _, err = bus.Publish(b.Context(), broker.Publish{Channel: "a", Data: benchData}); err != nil {
			b.Fatal(err)
		}
	}
	const clients = 1000
	rounds := 0
	redis, node, begin := server.CPU(b), processCPU(), time.Now()
	for b.Loop() {
		rounds++
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				if page, err := bus.History(b.Context(), "a", first.Position, 256); err != nil || len(page.Messages) != 100 {
					b.Errorf("%d messages, %v", len(page.Messages), err)
				}
			})
		}
		all.Wait()
	}
	took := time.Since(begin) / time.Duration(rounds)
	b.ReportMetric(took.Seconds()*1000, "ms")
	b.ReportMetric((server.CPU(b)-redis).Seconds()*1000/float64(rounds), "redis-CPU-ms")
	b.ReportMetric((processCPU()-node).Seconds()*1000/float64(rounds), "node-CPU-ms")
	b.ReportMetric(float64(bus.Reads())/float64(rounds), "reads")
}

// BenchmarkIdle is channels that are heard, and on which nothing is published: what they cost Redis in ten seconds.
func BenchmarkIdle(b *testing.B) {
	const channels, wait = 33_000, 10 * time.Second
	server := testredis.Start(b)
	cfg := redisbroker.DefaultConfig(server.URL())
	cfg.Log = config().Log
	bus := start(b, cfg)
	before := server.Number(b, "memory", "used_memory")
	for i := range channels {
		ch := protocol.Channel(fmt.Sprint("visitor-management/arrival/", i))
		if _, err := bus.Subscribe(b.Context(), ch, newSink()); err != nil {
			b.Fatal(err)
		}
		if err := bus.Heard(b.Context(), ch, 1); err != nil {
			b.Fatal(err)
		}
	}
	after := server.Number(b, "memory", "used_memory")
	commands, cpu := server.Number(b, "stats", "total_commands_processed"), server.CPU(b)
	time.Sleep(wait)
	b.ReportMetric(float64(server.Number(b, "stats", "total_commands_processed")-commands)/wait.Seconds(), "commands/s")
	b.ReportMetric((server.CPU(b)-cpu).Seconds()/wait.Seconds()*100, "%core")
	b.ReportMetric(float64(after-before)/channels, "redis-B/channel")
	b.ReportMetric(0, "ns/op")
}
