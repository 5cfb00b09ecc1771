// Package sqlstore is what the stores share that keep documents in a database with SQL.
//
//	queue.go       requests that wait for a commit, and those that share one
//	faults.go      what is said to callers
//	narrow.go      what of a filter SQL can say
//	expression.go  parts of statements with what is bound in them
package sqlstore

import (
	"context"
	"sync"

	"tidings/protocol"
	"tidings/store"
)

const (
	maxQueue = 1024 // requests that wait

	// MaxGroup is the number of operations after which a commit takes no further request.
	MaxGroup = 100
)

// Request waits for a commit.
type Request struct {
	Ctx     context.Context
	Write   *store.Write // nil: mark the changes up to Relayed as published
	Relayed uint64

	// Results and Fault are the answer, which is read after Answer.
	Results []store.Result
	Fault   *protocol.Error
	done    chan struct{}
}

// Queue is the requests that wait. All methods may be called from any goroutine.
type Queue struct {
	waiting chan *Request

	mu     sync.RWMutex // guards closed, and the closing of waiting
	closed bool
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{waiting: make(chan *Request, maxQueue)} }

// Ask waits until the request was answered, or its context has ended. It fails with ErrQueue if too many wait, and with
// ErrClosed after Close.
func (q *Queue) Ask(r *Request) ([]store.Result, error) {
	r.done = make(chan struct{})
	if err := q.put(r); err != nil {
		return nil, err
	}
	select {
	case <-r.done:
	case <-r.Ctx.Done():
		return nil, ErrCommit
	}
	if r.Fault != nil {
		return nil, r.Fault
	}
	return r.Results, nil
}

func (q *Queue) put(r *Request) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return ErrClosed
	}
	select {
	case q.waiting <- r:
		return nil
	default:
		return ErrQueue
	}
}

// Next waits for a request and returns it with those behind it that share its commit: requests are added as long as
// they have fewer than most operations. What waits when a commit ends shares the next one, so that nobody waits for
// others to come. It returns nil when the queue is closed and empty.
func (q *Queue) Next(most int) (group []*Request) {
	first, ok := <-q.waiting
	if !ok {
		return nil
	}
	group = append(group, first)
	for n := first.size(); n < most; {
		select {
		case r, ok := <-q.waiting:
			if !ok {
				return group
			}
			group = append(group, r)
			n += r.size()
		default:
			return group
		}
	}
	return group
}

func (r *Request) size() int {
	if r.Write == nil {
		return 1
	}
	return len(r.Write.Ops)
}

// Refuse sets the answer of all requests to a fault.
func Refuse(group []*Request, fault *protocol.Error) {
	for _, r := range group {
		r.Results, r.Fault = nil, fault
	}
}

// Answer makes Ask return the requests' Results and Fault.
func Answer(group []*Request) {
	for _, r := range group {
		close(r.done)
	}
}

// Len returns how many requests wait.
func (q *Queue) Len() int { return len(q.waiting) }

// Close makes the queue take no more requests. It reports whether it was open.
func (q *Queue) Close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.closed = true
	close(q.waiting)
	return true
}

// Closed reports whether the queue takes no more requests.
func (q *Queue) Closed() bool {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.closed
}
