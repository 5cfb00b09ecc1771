package redis

import (
	_ "embed"
	"fmt"
	"strconv"
	"sync"
	"time"
)

//go:embed lua/publish.lua
var publishLua string

// Bounds are what a publish keeps: its channel's history, and how long what is said of both is remembered.
type Bounds struct {
	MaxMessages, MaxBytes int
	MaxAge                time.Duration
	Brief, Remember       time.Duration // of a channel that is hardly used, and of others
	KeyLife               time.Duration // of an idempotency key
}

// Publishes has the scripts that publish: one for each Bounds, which stand in its text. To send and read them with each
// publish would be a tenth of what it costs.
type Publishes struct {
	mu      sync.RWMutex
	scripts map[Bounds]*Script // guarded by mu
}

// maxTexts is how many bounds have a script of their own. Rules have some; bounds that differ from publish to publish,
// as those of a reply channel, share the one that is sent them.
const maxTexts = 32

// sent is the script that is sent its bounds.
var sent = &Script{name: "publish", body: publishLua, head: func(node string) string {
	return fmt.Sprintf("local NODE, MAX, BYTES, AGE, BRIEF, KEEP, KEYLIFE = %q, ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], ARGV[11], ARGV[12]\n", node)
}}

// In returns the script that publishes with bounds, and the arguments that follow the others. passing is for bounds that
// soon are other ones.
func (p *Publishes) In(b Bounds, passing bool) (*Script, []string) {
	if !passing {
		if s := p.of(b); s != nil {
			return s, nil
		}
	}
	return sent, []string{strconv.Itoa(b.MaxMessages), strconv.Itoa(b.MaxBytes), Millis(b.MaxAge), Millis(b.Brief), Millis(b.Remember), Millis(b.KeyLife)}
}

// of returns the script of bounds, nil if there are too many.
func (p *Publishes) of(b Bounds) *Script {
	p.mu.RLock()
	s := p.scripts[b]
	p.mu.RUnlock()
	if s != nil {
		return s
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s = p.scripts[b]; s != nil || len(p.scripts) == maxTexts {
		return s
	}
	if p.scripts == nil {
		p.scripts = map[Bounds]*Script{}
	}
	s = &Script{name: "publish", body: publishLua, head: func(node string) string {
		return fmt.Sprintf("local NODE, MAX, BYTES, AGE, BRIEF, KEEP, KEYLIFE = %q, '%d', %d, %d, '%d', '%d', '%d'\n",
			node, b.MaxMessages, b.MaxBytes, b.MaxAge.Milliseconds(), b.Brief.Milliseconds(), b.Remember.Milliseconds(), b.KeyLife.Milliseconds())
	}}
	p.scripts[b] = s
	return s
}
