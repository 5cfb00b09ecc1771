package brokertest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"tidings/broker"
	"tidings/protocol"
)

func order(w *world) {
	const publishers, each = 8, 50
	sinks := []*recorder{w.subscribe(w.Broker, channel), w.subscribe(w.Broker, channel)}
	var all sync.WaitGroup
	positions := make([][]protocol.Position, publishers)
	for i := range publishers {
		all.Go(func() {
			for n := range each {
				r, err := w.Broker.Publish(w.ctx, number(i*1000+n))
				if err != nil {
					return // the count below finds it
				}
				positions[i] = append(positions[i], r.Position)
			}
		})
	}
	all.Wait()
	for _, sink := range sinks {
		heard := w.hears(sink, publishers*each)
		w.chain(heard)
		data := map[protocol.Position]string{}
		for _, m := range heard {
			data[m.Position()] = string(m.Data)
		}
		for i, own := range positions {
			for n, at := range own {
				if want := string(number(i*1000 + n).Data); data[at] != want {
					w.Fatalf("the message that was acknowledged as %v is %q, want %s", at, data[at], want)
				}
				if n > 0 && at.Offset <= own[n-1].Offset {
					w.Fatalf("a publisher's message %d is at %v, after %v", n, at, own[n-1])
				}
			}
		}
	}
}

func confirmed(w *world) {
	for i := range 50 {
		ch := protocol.Channel(fmt.Sprintf("%s/%d", channel, i))
		sink := w.subscribe(w.Broker, ch)
		w.publish(broker.Publish{Channel: ch, Data: []byte(`1`)})
		w.publish(broker.Publish{Channel: ch, Data: []byte(`2`)})
		if got := w.hears(sink, 2); string(got[0].Data) != `1` {
			w.Fatalf("the sink heard %s first, want what was published first after the subscribe", got[0].Data)
		}
	}
}

func stopStops(w *world) {
	stopped, other := w.subscribe(w.Broker, channel), w.subscribe(w.Broker, channel)
	stopTwin, err := w.Broker.Subscribe(w.ctx, channel, other) // the same sink twice: each stop ends its own
	if err != nil {
		w.Fatalf("subscribe: %v", err)
	}
	w.publish(number(1))
	w.hears(stopped, 1)
	w.hears(other, 2)
	stopped.stop()
	stopped.stop() // harmless
	stopTwin()
	w.publish(number(2))
	w.hears(other, 3)
	again := w.subscribe(w.Broker, channel)
	w.publish(number(3))
	w.hears(again, 1)
	w.hears(other, 4)
	if heard, _ := stopped.now(); len(heard) != 1 {
		w.Fatalf("a sink heard %d messages, want the one before its stop", len(heard))
	}
}

// closing is a sink that must not be called once it is shut.
type closing struct{ heard, shut, late atomic.Bool }

func (c *closing) Message(*protocol.Message) {
	c.heard.Store(true)
	if c.shut.Load() {
		c.late.Store(true)
	}
}
func (c *closing) Interrupted() {}

func stopUnderLoad(w *world) {
	var all sync.WaitGroup
	quit := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-quit:
					return
				default:
					if _, err := w.Broker.Publish(w.ctx, number(i)); err != nil {
						return
					}
				}
			}
		})
	}
	late := 0
	for range 100 {
		c := &closing{}
		stop, err := w.Broker.Subscribe(w.ctx, channel, c)
		if err != nil {
			break
		}
		for !c.heard.Load() && w.ctx.Err() == nil {
			w.top() // a moment
		}
		stop()
		c.shut.Store(true)
		w.top()
		if c.late.Load() {
			late++
		}
	}
	close(quit)
	all.Wait()
	if late > 0 || w.ctx.Err() != nil {
		w.Fatalf("%d of 100 sinks heard a message after stop had returned (%v)", late, w.ctx.Err())
	}
}

func peers(w *world) {
	peer := w.Peer()
	defer peer.Close()
	here, there := w.subscribe(w.Broker, channel), w.subscribe(peer, channel)
	at := w.publishMany(3)
	r, err := peer.Publish(w.ctx, number(4))
	if err != nil {
		w.Fatalf("publish at the other node: %v", err)
	}
	at = append(at, r.Position)
	w.same("the sink here", w.hears(here, 4), at)
	w.same("the sink there", w.hears(there, 4), at)
	w.wantMessages(w.origin(), at...)
	first := w.publish(keyed("desk", "k1"))
	again, err := peer.Publish(w.ctx, keyed("desk", "k1"))
	if err != nil || !again.Duplicate || again.Position != first.Position || again.ID != first.ID {
		w.Fatalf("a key repeated at the other node: %+v, %v, want %+v", again, err, first)
	}
}

// shared checks that a broker reports what its node needs to know before it answers with counts of receivers.
func shared(w *world) {
	if got, want := broker.IsShared(w.Broker), w.Peer != nil; got != want {
		w.Fatalf("IsShared: %v, want %v: the fixture's Peer is there: %v", got, want, want)
	}
}
