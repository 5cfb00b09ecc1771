package redisbroker

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"github.com/sony/gobreaker/v2"
)

// script is one of the scripts in the folder lua.
type script struct {
	name, body string
	reads      bool // it writes nothing: Redis runs it also if it is out of memory
}

var (
	//go:embed lua/publish.lua
	publishLua string
	//go:embed lua/read.lua
	readLua string
	//go:embed lua/open.lua
	openLua string
	//go:embed lua/attend.lua
	attendLua string
	//go:embed lua/members.lua
	membersLua string
	//go:embed lua/renew.lua
	renewLua string
	//go:embed lua/reap.lua
	reapLua string
	//go:embed lua/heard.lua
	heardLua string
	//go:embed lua/enter.lua
	enterLua string
	//go:embed lua/nodes.lua
	nodesLua string
	//go:embed lua/swap.lua
	swapLua string
	//go:embed lua/note.lua
	noteLua string
	//go:embed lua/board.lua
	boardLua string

	publishScript = &script{name: "publish", body: publishLua}
	readScript    = &script{name: "read", body: readLua, reads: true}
	openScript    = &script{name: "open", body: openLua}
	attendScript  = &script{name: "attend", body: attendLua}
	membersScript = &script{name: "members", body: membersLua, reads: true}
	renewScript   = &script{name: "renew", body: renewLua}
	reapScript    = &script{name: "reap", body: reapLua}
	heardScript   = &script{name: "heard", body: heardLua}
	enterScript   = &script{name: "enter", body: enterLua}
	nodesScript   = &script{name: "nodes", body: nodesLua, reads: true}
	swapScript    = &script{name: "swap", body: swapLua}
	noteScript    = &script{name: "note", body: noteLua}
	boardScript   = &script{name: "board", body: boardLua, reads: true}
)

// server is what is known of the server that has a partition.
//
// A script's text has the run_id of the server's process in it, and Redis keeps scripts in the memory of its process
// alone. So a script that runs by its hash runs in just that process, and its epoch is right without a question: after a
// restart, or a failover, Redis answers NOSCRIPT. Then the node has a new text run once, in a form that only returns the
// run_id of the process that took it. A text that another process took than was meant is never used: a nonce makes each
// text another one.
type server struct {
	breaker *gobreaker.CircuitBreaker[rueidis.RedisResult]
	now     atomic.Pointer[process]
	mu      sync.Mutex // one installs at a time
}

// process is one life of a server.
type process struct {
	runID  string
	trust  bool
	hashes sync.Map // *script → the hash of the text that the process has
}

// epoch is what all epochs of the process begin with.
func (p *process) epoch() string {
	if p.trust {
		return "persistent"
	}
	return p.runID[:epochBytes]
}

const (
	epochBytes = 10 // of the run_id, in an epoch
	nonceBytes = 6  // of the channel, behind them
)

func newServer() *server {
	return &server{breaker: gobreaker.NewCircuitBreaker[rueidis.RedisResult](gobreaker.Settings{
		Timeout:      time.Second,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsSuccessful: func(err error) bool { return !silent(err) },
	})}
}

// text returns a script for a process.
func (p *process) text(s *script, nonce string) string {
	var text strings.Builder
	text.WriteString("#!lua")
	if s.reads {
		text.WriteString(" flags=no-writes")
	}
	text.WriteString("\n-- tidings " + s.name + ", " + nonce + "\nlocal RUN = '" + p.epoch() + "'\n")
	text.WriteString("if ARGV[1] == 'install' then return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') end\n")
	text.WriteString(s.body)
	return text.String()
}

// hash returns the hash by which the process knows a script, "" if it does not.
func (p *process) hash(s *script) string {
	if p == nil {
		return ""
	}
	hash, _ := p.hashes.Load(s)
	text, _ := hash.(string)
	return text
}

// do runs a script in the partition of its keys. The caller's error is that of Redis or of the connection.
func (b *Broker) do(ctx context.Context, s *script, partition int, keys, args []string) (rueidis.RedisResult, *process, error) {
	srv := b.server(partition)
	for try := 0; ; try++ {
		ran := srv.now.Load()
		hash := ran.hash(s)
		resp, err := srv.breaker.Execute(func() (rueidis.RedisResult, error) {
			if hash == "" {
				err := b.install(ctx, s, partition, hash)
				if err != nil {
					return rueidis.RedisResult{}, err
				}
				ran = srv.now.Load()
				hash = ran.hash(s)
			}
			resp := b.client.Do(ctx, b.client.B().Evalsha().Sha1(hash).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
			return resp, resp.Error()
		})
		answer, answered := rueidis.IsRedisErr(err)
		switch {
		case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
			b.count.away.Store(true)
			return resp, nil, errOpen
		case answered && try < 3 && answer.IsTryAgain(): // a slot is on its way
		case answered && try < 3 && answer.IsNoScript():
			if err := b.install(ctx, s, partition, hash); err != nil {
				return resp, nil, err
			}
		default:
			b.count.away.Store(silent(err) || refused(err))
			return resp, ran, err
		}
	}
}

// errMoved is for a server that was replaced several times while a script was installed, or whose answer is none.
var errMoved = errors.New("redisbroker: the server was replaced several times in a row")

const askRunID = "#!lua flags=no-writes\nreturn string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')"

// install has the server of a partition keep a script. old is the hash that it did not know.
func (b *Broker) install(ctx context.Context, s *script, partition int, old string) error {
	srv := b.server(partition)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	p := srv.now.Load()
	if hash := p.hash(s); hash != old && hash != "" {
		return nil // another was faster
	}
	key := b.tag(partition) + "format"
	eval := func(text string, args ...string) (string, error) {
		return b.client.Do(ctx, b.client.B().Eval().Script(text).Numkeys(1).Key(key).Arg(args...).Build()).ToString()
	}
	if p == nil {
		runID, err := eval(askRunID)
		if err != nil {
			return err
		}
		p = &process{runID: runID, trust: b.cfg.TrustPersistence}
	}
	for range 4 {
		if len(p.runID) < epochBytes {
			return errMoved
		}
		text := p.text(s, b.cfg.Node+word(8))
		runID, err := eval(text, "install")
		if err != nil {
			return err
		}
		if runID != p.runID {
			p = &process{runID: runID, trust: b.cfg.TrustPersistence}
			continue
		}
		sum := sha1.Sum([]byte(text))
		p.hashes.Store(s, hex.EncodeToString(sum[:]))
		if srv.now.Swap(p) != p {
			b.replaced(partition, p)
		}
		return nil
	}
	return errMoved
}

// replaced is called if a server's process is another one than before, or the first that is known.
func (b *Broker) replaced(partition int, p *process) {
	b.lane(partition).serverIs(p.runID)
	b.crowd.restate(b, partition)
}
