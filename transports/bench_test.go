//go:build unix

package transports

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/protocol"
)

const drainEnv = "TIDINGS_TEST_DRAIN" // address and number of sockets of a drain, and "shout" if they speak that language

// TestMain makes this binary, if asked, the clients of a benchmark: sockets in another process that read
// and throw away, so that their CPU is not counted.
func TestMain(m *testing.M) {
	if job := os.Getenv(drainEnv); job != "" {
		drain(job)
		return
	}
	os.Exit(m.Run())
}

func drain(job string) {
	words := strings.Fields(job)
	address, request, subscribe := words[0], upgradeRequest(), `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`
	n, _ := strconv.Atoi(words[1])
	if len(words) > 2 {
		request, subscribe = strings.Replace(request, "/bus/ws", "/shout", 1), "+a"
	}
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		io.WriteString(c, request+string(text(subscribe)))
		go io.Copy(io.Discard, c)
	}
	io.Copy(io.Discard, os.Stdin) // until the parent ends
}

// drained connects n sockets of another process to a server. language is "" or "shout".
func drained(b *testing.B, n int, language string) (r *rig, links []*socket) {
	r = onLoopback(b, func(c *Config) { c.Heartbeat = time.Hour }) // since they answer no pings
	b.Cleanup(r.startDrain(b, n, language))
	waitFor(b, func() bool {
		r.bus.mu.Lock()
		defer r.bus.mu.Unlock()
		return len(r.bus.channel("a").members) == n
	})
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	for l := range r.h.links {
		links = append(links, l.(*socket))
	}
	return r, links
}

// startDrain starts the other process; stop ends it.
func (r *rig) startDrain(b *testing.B, n int, language string) (stop func()) {
	cmd := exec.Command(os.Args[0])
	address := strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), "/bus")
	cmd.Env = append(os.Environ(), drainEnv+"="+address+" "+strconv.Itoa(n)+" "+language)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	return func() { stdin.Close(); cmd.Wait() }
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFanoutWrite writes one message of 150 bytes to each of 1,000 sockets: as the links do it, and as a loop that
// writes the same bytes. ns/delivery is this process's CPU. With a batch, so many messages wait together.
func BenchmarkFanoutWrite(b *testing.B) {
	const n = 1000
	r, links := drained(b, n, "")
	shouting, shouters := drained(b, n, "shout")
	time.Sleep(time.Second) // a shouter hears nothing for so long after it has subscribed
	m := &protocol.Message{Channel: "a", Epoch: "e1", Offset: 1, Tag: "t1", ID: "e1-1", Data: []byte(`"` + strings.Repeat("x", 40) + `"`), TimeMS: 1}
	e := m.Encoded()
	for _, batch := range []int{1, 8, 64} {
		bytes := []byte(strings.Repeat(string(e.WebSocket()), batch))
		b.Run(fmt.Sprintf("raw/%d", batch), func(b *testing.B) {
			measure(b, n*batch, func() {
				for _, l := range links {
					l.conn.Write(bytes)
				}
			})
		})
		for name, links := range map[string][]*socket{"link": links, "language": shouters} {
			b.Run(fmt.Sprintf("%s/%d", name, batch), func(b *testing.B) {
				measure(b, n*batch, func() {
					for _, l := range links {
						o := l.bound.Load().outbox
						for range batch {
							o.Push(e)
						}
						o.Flush()
						o.Ack(o.Sent())
					}
				})
			})
		}
	}
	if slow := r.h.Stats().WebSocket.Slow + shouting.h.Stats().Gateways[0].Slow; slow > 0 {
		b.Errorf("%d links were cut", slow)
	}
}

func measure(b *testing.B, deliveries int, fn func()) {
	b.ReportAllocs()
	start := cpu()
	for b.Loop() {
		fn()
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N*deliveries), "cpu-ns/delivery")
}

// BenchmarkIdle measures what an idle connection costs this process in heap and stack, after a first message.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		const n = 2000
		r := onLoopback(b, nil)
		before := memory()
		stop := r.startDrain(b, n, "")
		waitFor(b, func() bool { return r.h.Stats().WebSocket.Open == n })
		r.bus.publish("a", "1")
		time.Sleep(200 * time.Millisecond)
		after := memory()
		b.ReportMetric(float64(after-before)/n, "B/connection")
		stop()
	}
}

func memory() uint64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkWaitingPolls answers 100 long-polls that wait with one message and lets each client ask again. The clients
// are in this process: ns/answer is the CPU of both sides.
func BenchmarkWaitingPolls(b *testing.B) {
	const n = 100
	r := onLoopback(b, nil)
	all := make([]*poller, n)
	for i := range all {
		all[i] = r.poller(b)
		all[i].ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
		all[i].answer()
	}
	b.ReportAllocs()
	start := cpu()
	for b.Loop() {
		for _, p := range all {
			p.poll()
		}
		r.bus.publish("a", "1")
		for _, p := range all {
			p.answer()
		}
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N*n), "cpu-ns/answer")
}
