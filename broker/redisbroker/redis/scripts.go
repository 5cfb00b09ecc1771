package redis

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

// Script is one of the scripts in the folder lua.
type Script struct {
	name, body string
	head       func(node string) string // lines before the body; nil for none
	reads      bool                     // it writes nothing: Redis runs it also if it is out of memory
}

var (
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
)

// The scripts. Each is one atomic step in one partition; its keys and arguments are said in its file.
var (
	Read    = &Script{name: "read", body: readLua, reads: true}
	Open    = &Script{name: "open", body: openLua}
	Attend  = &Script{name: "attend", body: attendLua}
	Members = &Script{name: "members", body: membersLua, reads: true}
	Renew   = &Script{name: "renew", body: renewLua}
	Reap    = &Script{name: "reap", body: reapLua}
	Heard   = &Script{name: "heard", body: heardLua}
	Enter   = &Script{name: "enter", body: enterLua}
	Nodes   = &Script{name: "nodes", body: nodesLua, reads: true}
	Swap    = &Script{name: "swap", body: swapLua}
	Note    = &Script{name: "note", body: noteLua}
	Board   = &Script{name: "board", body: boardLua, reads: true}
)

// Scripts are the names of all scripts.
func Scripts() []string {
	names := []string{sent.name}
	for _, s := range []*Script{Read, Open, Attend, Members, Renew, Reap, Heard, Enter, Nodes, Swap, Note, Board} {
		names = append(names, s.name)
	}
	return names
}

// server is what is known of the server that has a partition.
//
// A script's text has the run_id of the server's process in it, and Redis keeps scripts in the memory of its process
// alone. So a script that runs by its hash runs in just that process, and its epoch is right without a question: after
// a restart, or a failover, Redis answers NOSCRIPT. Then the node has a new text run once, in a form that only returns
// the run_id of the process that took it. A text that another process took than was meant is never used: a nonce makes
// each text another one.
type server struct {
	breaker *gobreaker.CircuitBreaker[rueidis.RedisResult]
	now     atomic.Pointer[Process]
	mu      sync.Mutex // one installs at a time
}

// Process is one life of a server.
type Process struct {
	runID  string
	trust  bool
	hashes sync.Map // *Script → the hash of the text that the process has
}

// Epoch is what all epochs of the process begin with.
func (p *Process) Epoch() string {
	if p.trust {
		return "persistent"
	}
	return p.runID[:EpochBytes]
}

// An epoch has two parts.
const (
	EpochBytes = 10 // of the run_id, in an epoch
	NonceBytes = 6  // of the channel, behind them
)

// Servers run scripts: one server, or those of a cluster.
type Servers struct {
	cfg  ServersConfig
	list []*server
	away atomic.Bool // the last script was not answered, or refused
}

// ServersConfig is what Servers are given. All is needed.
type ServersConfig struct {
	Client rueidis.Client
	Layout Layout
	Count  int    // of the partitions that may have servers of their own: 1, or with a cluster all
	Node   string // the node's name, which no other has
	// TrustPersistence leaves the process of the server out of epochs.
	TrustPersistence bool
	// Replaced is called if the process of a partition's server is another one than before, or the first that is known.
	Replaced func(partition int, runID string)
	// Took is called when a call of a script is over, however it ended.
	Took func(script string, took time.Duration)
}

// NewServers asks nothing of Redis yet.
func NewServers(cfg ServersConfig) *Servers {
	s := &Servers{cfg: cfg}
	for range cfg.Count {
		s.list = append(s.list, newServer())
	}
	return s
}

// of returns what is known of the server of a partition.
func (s *Servers) of(p int) *server { return s.list[p%len(s.list)] }

// Same reports whether two partitions are known to have one server.
func (s *Servers) Same(p, q int) bool { return s.of(p) == s.of(q) }

// Answers reports whether Redis has answered what it was asked last.
func (s *Servers) Answers() bool { return !s.away.Load() }

// Ping asks Redis whether it answers.
func (s *Servers) Ping(ctx context.Context) error {
	c := s.cfg.Client
	err := c.Do(ctx, c.B().Ping().Build()).Error()
	s.away.Store(err != nil && ctx.Err() == nil)
	return err
}

func newServer() *server {
	return &server{breaker: gobreaker.NewCircuitBreaker[rueidis.RedisResult](gobreaker.Settings{
		Timeout:      time.Second,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsSuccessful: func(err error) bool { return !silent(err) },
	})}
}

// text returns a script for a process, as a node installs it.
func (p *Process) text(s *Script, node string) string {
	var text strings.Builder
	text.WriteString("#!lua")
	if s.reads {
		text.WriteString(" flags=no-writes")
	}
	text.WriteString("\n-- tidings " + s.name + ", " + node + Word(8) + "\nlocal RUN = '" + p.Epoch() + "'\n")
	text.WriteString("if ARGV[1] == 'install' then return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') end\n")
	if s.head != nil {
		text.WriteString(s.head(node))
	}
	text.WriteString(s.body)
	return text.String()
}

// hash returns the hash by which the process knows a script, "" if it does not.
func (p *Process) hash(s *Script) string {
	if p == nil {
		return ""
	}
	hash, _ := p.hashes.Load(s)
	text, _ := hash.(string)
	return text
}

// Do runs a script in the partition of its keys, and returns the process that ran it. Its error is that of Redis or of
// the connection.
func (s *Servers) Do(ctx context.Context, run *Script, partition int, keys, args []string) (rueidis.RedisResult, *Process, error) {
	srv, client := s.of(partition), s.cfg.Client
	for try := 0; ; try++ {
		ran := srv.now.Load()
		hash := ran.hash(run)
		resp, err := srv.breaker.Execute(func() (rueidis.RedisResult, error) {
			if hash == "" {
				err := s.install(ctx, run, partition, hash)
				if err != nil {
					return rueidis.RedisResult{}, err
				}
				ran = srv.now.Load()
				hash = ran.hash(run)
			}
			defer func(begin time.Time) { s.cfg.Took(run.name, time.Since(begin)) }(time.Now())
			resp := client.Do(ctx, client.B().Evalsha().Sha1(hash).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
			return resp, resp.Error()
		})
		answer, answered := rueidis.IsRedisErr(err)
		switch {
		case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
			s.away.Store(true)
			return resp, nil, errOpen
		case answered && try < 3 && answer.IsTryAgain(): // a slot is on its way
		case answered && try < 3 && answer.IsNoScript():
			if err := s.install(ctx, run, partition, hash); err != nil {
				return resp, nil, err
			}
		default:
			s.away.Store(silent(err) || refused(err))
			return resp, ran, err
		}
	}
}

// ErrMoved is for a server that was replaced several times while a script was installed, or whose answer is none.
var ErrMoved = errors.New("redisbroker: the server was replaced several times in a row")

const askRunID = "#!lua flags=no-writes\nreturn string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')"

// install has the server of a partition keep a script. old is the hash that it did not know.
func (s *Servers) install(ctx context.Context, run *Script, partition int, old string) error {
	srv, client := s.of(partition), s.cfg.Client
	srv.mu.Lock()
	defer srv.mu.Unlock()
	p := srv.now.Load()
	if hash := p.hash(run); hash != old && hash != "" {
		return nil // another was faster
	}
	key := s.cfg.Layout.formatKey(partition)
	eval := func(text string, args ...string) (string, error) {
		return client.Do(ctx, client.B().Eval().Script(text).Numkeys(1).Key(key).Arg(args...).Build()).ToString()
	}
	if p == nil {
		runID, err := eval(askRunID)
		if err != nil {
			return err
		}
		p = &Process{runID: runID, trust: s.cfg.TrustPersistence}
	}
	for range 4 {
		if len(p.runID) < EpochBytes {
			return ErrMoved
		}
		text := p.text(run, s.cfg.Node)
		runID, err := eval(text, "install")
		if err != nil {
			return err
		}
		if runID != p.runID {
			p = &Process{runID: runID, trust: s.cfg.TrustPersistence}
			continue
		}
		sum := sha1.Sum([]byte(text))
		p.hashes.Store(run, hex.EncodeToString(sum[:]))
		if srv.now.Swap(p) != p {
			s.cfg.Replaced(partition, p.runID)
		}
		return nil
	}
	return ErrMoved
}
