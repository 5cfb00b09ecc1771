package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidings/internal/testredis"
	"tidings/internal/teststack"
)

// pair is two nodes on one Redis: who hears is on the second, who publishes asks the first.
type pair struct {
	*testing.T
	redis         *testredis.Server
	environ       []string
	first, second *process
	urls          [2]string
	sub           *process
	sent          int
}

func startPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{T: t, redis: testredis.Start(t)}
	p.environ = []string{"TIDINGS_BROKER=redis", "TIDINGS_REDIS_URL=" + p.redis.URL(), "TIDINGS_SIGNING_SECRET=" + strings.Repeat("s", 32)}
	p.first, p.urls[0] = startServer(t, p.environ, "--dev")
	p.second, p.urls[1] = startServer(t, p.environ, "--dev")
	p.sub = run(t, nil, "subscribe", "a", "--url", p.urls[1])
	p.sub.errors.wait(t, "a: listening from")
	return p
}

// post publishes the next number once, and returns its status and code.
func (p *pair) post(n int) (int, string) {
	body := fmt.Sprintf(`{"channel":"a","data":%d,"idempotencyKey":"k%d"}`, n, n)
	answer, err := http.Post(p.urls[0]+"/api/publish", "application/json", strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	var refusal struct{ Error struct{ Code, Hint string } }
	json.NewDecoder(answer.Body).Decode(&refusal)
	if answer.StatusCode != http.StatusOK && refusal.Error.Hint == "" {
		p.Errorf("a publish was answered %d %+v, without a hint", answer.StatusCode, refusal)
	}
	return answer.StatusCode, refusal.Error.Code
}

// publish publishes the next messages, each with a key, until it is acknowledged.
func (p *pair) publish(many int) {
	p.Helper()
	for range many {
		p.sent++
		for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			status, code := p.post(p.sent)
			if status == http.StatusOK {
				break
			}
			if code != "broker_unavailable" && code != "timeout" || time.Now().After(late) {
				p.Fatalf("message %d: %d %s", p.sent, status, code)
			}
		}
	}
}

// hears waits until the subscriber has the newest message, and checks that what it had is in order, that nothing came
// twice, and that nothing is missing but in so many gaps.
func (p *pair) hears(gaps int) {
	p.Helper()
	if gaps > 0 { // what was published before the gap was told may be in it
		p.sub.errors.wait(p.T, "messages may be missing (epoch_changed)")
		p.publish(1)
	}
	p.sub.out.wait(p.T, fmt.Sprintf("a\t%d\n", p.sent))
	before, heard := 0, strings.Fields(strings.ReplaceAll(p.sub.out.String(), "a\t", ""))
	for _, text := range heard {
		n, err := strconv.Atoi(text)
		if err != nil || n <= before {
			p.Fatalf("heard %v: %s is not after %d", heard, text, before)
		}
		before = n
	}
	if gaps == 0 && len(heard) != p.sent {
		p.Errorf("heard %v, want each of %d messages", heard, p.sent)
	}
	if got := strings.Count(p.sub.errors.String(), "messages may be missing"); got != gaps {
		p.Errorf("%d gaps, want %d:\n%s", got, gaps, p.sub.errors)
	}
}

func (p *pair) key(suffix string) string {
	p.Helper()
	for _, key := range strings.Split(p.redis.Do(p.T, "KEYS", "*"), "\n") {
		if strings.HasSuffix(key, suffix) {
			return key
		}
	}
	p.Fatalf("there is no key that ends with %q", suffix)
	return ""
}

// What happens to Redis happens to all nodes. Nothing is lost without a gap, nothing comes twice, and nothing that was
// acknowledged is missing where no gap is told.
func TestFaultsOfRedis(t *testing.T) {
	for _, row := range []struct {
		name string
		gaps int
		play func(*pair)
	}{
		{"no fault", 0, func(*pair) {}},
		{"F42 Redis is killed and starts empty", 1, func(p *pair) {
			p.redis.Halt()
			p.redis.Run(p.T)
		}},
		{"F43 Redis starts from an older file", 1, func(p *pair) {
			p.redis.Do(p.T, "SAVE")
			p.publish(2) // these are lost, and were heard
			p.hears(0)
			p.redis.Halt()
			p.redis.Run(p.T)
		}},
		{"F44 Redis stands still", 0, func(p *pair) {
			p.redis.Pause()
			defer p.redis.Continue()
			if status, code := p.post(p.sent + 1); status == http.StatusOK || code != "timeout" {
				p.Errorf("a publish to a Redis that stands still: %d %s, want timeout: it is unknown whether it happened", status, code)
			}
		}},
		{"F45 the connection that brings messages is cut", 0, func(p *pair) { p.redis.Do(p.T, "CLIENT", "KILL", "TYPE", "pubsub") }},
		{"F46 Redis cuts a node that is slow", 0, func(p *pair) {
			p.redis.Do(p.T, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 1kb 1kb 1")
			large := strings.NewReader(`{"channel":"a","volatile":true,"data":"` + strings.Repeat("x", 60_000) + `"}`)
			if answer, err := http.Post(p.urls[0]+"/api/publish", "application/json", large); err != nil || answer.StatusCode != http.StatusOK {
				p.Fatalf("a large volatile message: %v", err)
			}
			p.redis.Do(p.T, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
		}},
		{"F47 Redis has no memory left", 0, func(p *pair) {
			p.redis.Do(p.T, "CONFIG", "SET", "maxmemory", "1")
			if status, code := p.post(p.sent + 1); status != http.StatusServiceUnavailable || code != "broker_unavailable" {
				p.Errorf("a publish to a Redis without memory: %d %s, want 503 broker_unavailable: it certainly did not happen", status, code)
			}
			p.redis.Do(p.T, "CONFIG", "SET", "maxmemory", "0")
		}},
		{"F47 Redis is read-only", 0, func(p *pair) {
			p.redis.Do(p.T, "CONFIG", "SET", "min-replicas-to-write", "1")
			if status, code := p.post(p.sent + 1); status != http.StatusServiceUnavailable || code != "broker_unavailable" {
				p.Errorf("a publish to a Redis without its replicas: %d %s, want 503 broker_unavailable", status, code)
			}
			p.redis.Do(p.T, "CONFIG", "SET", "min-replicas-to-write", "0")
		}},
		{"F48 all keys are gone", 1, func(p *pair) { p.redis.Do(p.T, "FLUSHALL") }},
		{"F48 a channel is evicted", 1, func(p *pair) { p.redis.Do(p.T, "DEL", p.key("c:a")) }},
		{"F48 a history is evicted", 0, func(p *pair) { p.redis.Do(p.T, "DEL", p.key("h:a")) }},
		{"F29 a node is killed and starts again", 0, func(p *pair) {
			p.second.signal(os.Kill)
			p.second.exit()
			p.publish(2) // while nobody is there
			p.again()
		}},
		{"F30 a node is replaced", 0, func(p *pair) {
			p.second.signal(os.Interrupt)
			p.publish(2)
			if code := p.second.exit(); code != 0 {
				p.Errorf("a node that was asked to end: status %d", code)
			}
			p.again()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t)
			p.publish(3)
			p.hears(0)
			row.play(p)
			p.publish(3)
			p.hears(row.gaps)
		})
	}
}

// again starts the second node on the address that it had.
func (p *pair) again() {
	p.Helper()
	p.second = run(p.T, p.environ, "serve", "--dev", "--drain", "5s", "--addr", strings.TrimPrefix(p.urls[1], "http://"))
	p.second.errors.wait(p.T, `"msg":"listening"`)
}

// While Redis is away a node that was ready stays where balancers send clients: it is away for all nodes.
func TestReadinessWhileRedisIsAway(t *testing.T) {
	redis := testredis.Start(t)
	_, url := startServer(t, []string{"TIDINGS_BROKER=redis", "TIDINGS_REDIS_URL=" + redis.URL(), "TIDINGS_SIGNING_SECRET=" + strings.Repeat("s", 32)}, "--dev")
	ready := func(path string) (int, bool) {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var body struct{ Degraded bool }
		json.NewDecoder(answer.Body).Decode(&body)
		return answer.StatusCode, body.Degraded
	}
	// A node that has begun to listen is not ready before it knows what was revoked.
	for late := time.After(patience); ; {
		if status, _ := ready("/readyz"); status == http.StatusOK {
			break
		}
		select {
		case <-late:
			t.Fatal("it does not become ready")
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, away := range []bool{false, true} {
		if away {
			redis.Halt()
		}
		if status, degraded := ready("/readyz"); status != http.StatusOK || degraded != away {
			t.Errorf("Redis away %v: %d, degraded %v, want 200 and %v", away, status, degraded, away)
		}
		want := http.StatusOK
		if away {
			want = http.StatusServiceUnavailable
		}
		if status, _ := ready("/readyz?strict=1"); status != want {
			t.Errorf("Redis away %v, strict: %d, want %d", away, status, want)
		}
		answer, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := fmt.Sprintf("\ntidings_broker_ok %d\n", map[bool]int{false: 1, true: 0}[away]); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("Redis away %v: /metrics has no line %q (%v)", away, strings.TrimSpace(want), err)
		}
		for _, want := range []string{`tidings_broker_seconds_bucket{op="publish",le="0.0025"} `, `tidings_broker_seconds_count{op="read"} `} {
			if !strings.Contains(string(text), want) {
				t.Errorf("Redis away %v: /metrics has no %s", away, want)
			}
		}
	}
}

// What is wrong with Redis at the start is said with what to do, and never with a password.
func TestRedisAtTheStart(t *testing.T) {
	redis := testredis.Start(t, "--requirepass", "hunter2", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	secret := "TIDINGS_SIGNING_SECRET=" + strings.Repeat("s", 32)
	at := func(password string) string {
		return "TIDINGS_REDIS_URL=redis://:" + password + "@" + redis.Addr()
	}
	good := run(t, []string{"TIDINGS_BROKER=redis", secret, at("hunter2")}, "check-config", "--dev", "--connect")
	if code := good.exit(); code != 0 || !strings.Contains(good.out.String(), "maxmemory-policy allkeys-lru") || !strings.Contains(good.out.String(), "no save, no appendonly") {
		t.Errorf("status %d, want 0, and what eviction and a restart mean:\n%s%s", code, good.out, good.errors)
	}
	for name, environ := range map[string][]string{
		"memory was meant":  {at("hunter2")},
		"no signing secret": {"TIDINGS_BROKER=redis", at("hunter2")},
	} {
		bad := run(t, environ, "serve", "--dev", "--addr", teststack.FreeAddress(t))
		if code := bad.exit(); code == 0 || strings.Contains(bad.errors.String()+bad.out.String(), "hunter2") {
			t.Errorf("%s: status %d, want a fault without the password:\n%s%s", name, code, bad.out, bad.errors)
		}
	}
	startServer(t, []string{"TIDINGS_BROKER=redis", secret, at("hunter2")}, "--dev")
}
