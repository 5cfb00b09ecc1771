package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tidings/actors"
	"tidings/internal/forward"
)

const (
	tailAgain     = 5 * time.Second // after which nodes that came, or do not answer, are asked again
	tailMerged    = 256             // events of other nodes that wait
	longestTailed = 1 << 20         // bytes of one event, which holds a message of 64 KiB
)

// otherTails are the tails of all other nodes as one.
type otherTails struct {
	a       *API
	request *http.Request
	events  chan []byte   // whole ones, as they came
	changed chan struct{} // has space for one signal: who answers may be another
	dropped atomic.Uint64 // events that found no space

	mu      sync.Mutex      // guards answers
	answers map[string]bool // the nodes whose streams are open
	streams sync.WaitGroup
}

// othersTail returns the tails of the other nodes, which run follows. It is nil if nobody is to be asked: the node is
// the only one, or another one asks it.
func (a *API) othersTail(r *http.Request) (*otherTails, error) {
	handed, err := a.forUs(r)
	if err != nil || handed || a.bus.Self() == "" || a.forward == nil {
		return nil, err
	}
	return &otherTails{a: a, request: r, events: make(chan []byte, tailMerged), changed: make(chan struct{}, 1), answers: map[string]bool{}}, nil
}

// run follows the other nodes until ctx ends, and returns when nothing of them is open any more.
func (o *otherTails) run(ctx context.Context) {
	defer o.streams.Wait()
	again := time.NewTicker(tailAgain)
	defer again.Stop()
	for {
		o.ask(ctx)
		o.signal()
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (o *otherTails) signal() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// ask opens the streams of nodes that have none, and returns when each has answered, or has had time to.
func (o *otherTails) ask(ctx context.Context) {
	var asked sync.WaitGroup
	for _, n := range o.a.bus.Others() {
		if n.URL == "" || o.has(n.ID) {
			continue
		}
		asked.Add(1)
		o.streams.Go(func() { o.follow(ctx, n, asked.Done) })
	}
	asked.Wait()
}

func (o *otherTails) has(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answers[id]
}

// follow brings the events of one node. It calls opened when the node has answered, or has not in time.
func (o *otherTails) follow(ctx context.Context, n actors.Neighbour, opened func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(othersPatience, cancel)
	res, err := o.a.forward.Stream(ctx, forward.Node{ID: n.ID, URL: n.URL}, o.request, o.a.proxies.clientText(o.request))
	inTime := late.Stop()
	if err != nil {
		opened()
		return
	}
	defer res.Body.Close()
	if !inTime || res.StatusCode != http.StatusOK {
		opened()
		return
	}
	o.answer(n.ID, true)
	opened()
	defer o.signal()
	defer o.answer(n.ID, false)
	go func() {
		select {
		case <-n.Gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	o.read(res.Body)
}

func (o *otherTails) answer(id string, does bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if does {
		o.answers[id] = true
	} else {
		delete(o.answers, id)
	}
}

// read hands on events until the stream ends. What is not taken in time is counted.
func (o *otherTails) read(stream io.Reader) {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, longestTailed)
	var event []byte
	for lines.Scan() {
		line := lines.Bytes()
		switch {
		case len(line) > 0 && line[0] == ':': // a comment
		case len(line) > 0:
			event = append(append(event, line...), '\n')
		case len(event) > 0:
			select {
			case o.events <- append(bytes.Clone(event), '\n'):
			default:
				o.dropped.Add(1)
			}
			event = event[:0]
		}
	}
}

// whoAnswers returns the event that says which nodes the stream is of.
func (o *otherTails) whoAnswers() []byte {
	list := o.a.bus.Others()
	found := everybody{Nodes: 1 + len(list)}
	for _, n := range list {
		if !o.has(n.ID) {
			found.Unanswered = append(found.Unanswered, n.ID)
		}
	}
	body, err := json.Marshal(found)
	if err != nil {
		panic(err) // it is numbers and ids
	}
	return append(append([]byte("event: nodes\ndata: "), body...), "\n\n"...)
}
