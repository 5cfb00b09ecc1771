package hooks

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/protocol"
)

// applicationEnv makes the test binary an application that says yes to everything, until its input ends: what it costs
// is not the server's.
const applicationEnv = "TIDINGS_BENCH_APPLICATION"

func TestMain(m *testing.M) {
	if os.Getenv(applicationEnv) == "" {
		os.Exit(m.Run())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "{}")
	}))
	io.Copy(io.Discard, os.Stdin)
}

// startApplication starts one, and returns its URL.
func startApplication(b *testing.B) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), applicationEnv+"=1")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(address) + "/hooks"
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHooks is a connect, one publish and a goodbye, 32 at a time, with and without an application that is asked.
// Beside the rate it gives the processor time of this process alone.
func BenchmarkHooks(b *testing.B) {
	for _, c := range []struct {
		name string
		ask  []string
	}{{"none", nil}, {"connect", []string{Connect}}, {"publish", []string{Publish}}, {"connect and publish", []string{Connect, Publish}}} {
		b.Run(c.name, func(b *testing.B) {
			mem := memory.New(memory.DefaultConfig())
			cfg := actors.Config{Broker: mem, Logger: slog.New(slog.DiscardHandler), Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone}}
			if c.ask != nil {
				client, err := New(Config{URL: startApplication(b), Ask: c.ask, Secret: secret, Logger: cfg.Logger})
				if err != nil {
					b.Fatal(err)
				}
				defer client.Close(context.Background())
				cfg.Hooks = client.Hooks()
			}
			bus, err := actors.Start(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer mem.Close()
			defer bus.Stop()
			b.SetParallelism(32 / runtime.GOMAXPROCS(0))
			busy := cpu()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					visit(b, bus)
				}
			})
			b.ReportMetric(float64(cpu()-busy)/float64(b.N), "cpu-ns/op")
		})
	}
}

// visitor is a link that tells of frames.
type visitor chan struct{}

func (v visitor) Wake() {
	select {
	case v <- struct{}{}:
	default:
	}
}

func (v visitor) End(*protocol.Encoded) { v.Wake() }

func visit(b *testing.B, bus *actors.Bus) {
	v := make(visitor, 1)
	c, gen, err := bus.Open(context.Background(), protocol.Peer{Transport: protocol.WebSocket}, nil, v)
	if err != nil {
		b.Error(err)
		return
	}
	c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypePublish, ID: 1, Channel: "a", Data: []byte(`{"n":1}`)}})
	for range v {
		for _, e := range c.Outbox().Take(gen, nil, 16, 1<<20) {
			if strings.Contains(string(e.JSON), `"reply"`) {
				c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeDisconnect}})
				return
			}
			if strings.Contains(string(e.JSON), `"error"`) {
				b.Errorf("got %s", e.JSON)
				return
			}
		}
	}
}
