package ground

import (
	"container/heap"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Alarm is a message that an actor gets at a time. It lies in its actor's state and is set again and again.
type Alarm struct {
	To      *actor.PID
	Message any
	at      time.Time
	index   int // in the heap, from 1; 0: not set
}

// Alarms are all alarms of a node under one timer. None of them keeps a goroutine.
type Alarms struct {
	Send func(*actor.PID, any) // it must not wait

	mu      sync.Mutex // guards all below, and the alarms
	heap    alarmHeap
	timer   *time.Timer
	stopped bool
}

// Set makes a ring d from now, whatever was set before.
func (s *Alarms) Set(a *Alarm, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	a.at = time.Now().Add(d)
	if a.index > 0 {
		heap.Fix(&s.heap, a.index-1)
	} else {
		heap.Push(&s.heap, a)
	}
	if s.heap[0] == a {
		s.wind()
	}
}

// Cancel takes an alarm back; its message may be under way already. a may be nil.
func (s *Alarms) Cancel(a *Alarm) {
	if a == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.index > 0 && !s.stopped {
		heap.Remove(&s.heap, a.index-1)
	}
}

// wind sets the timer to the first alarm.
func (s *Alarms) wind() {
	d := max(time.Until(s.heap[0].at), 0)
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.ring)
		return
	}
	s.timer.Reset(d)
}

func (s *Alarms) ring() {
	type due struct {
		to      *actor.PID
		message any
	}
	var list []due
	s.mu.Lock()
	for now := time.Now(); len(s.heap) > 0 && !s.heap[0].at.After(now); {
		a := heap.Pop(&s.heap).(*Alarm)
		list = append(list, due{a.To, a.Message})
	}
	if len(s.heap) > 0 && !s.stopped {
		s.wind()
	}
	s.mu.Unlock()
	for _, d := range list {
		s.Send(d.to, d.message)
	}
}

// Stop takes all alarms back, and those that are set from now on.
func (s *Alarms) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.heap = nil
	if s.timer != nil {
		s.timer.Stop()
	}
}

type alarmHeap []*Alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

func (h *alarmHeap) Push(x any) {
	a := x.(*Alarm)
	*h = append(*h, a)
	a.index = len(*h)
}

func (h *alarmHeap) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.index = 0
	return a
}
