package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// pastLease is longer than a node without a sign of life counts as there.
const pastLease = 17 * time.Second

// nodeFaults are the kinds of several nodes on Redis. Those of the network between clients and balancer come on top.
var nodeFaults = []fault{
	{name: "node killed", begin: ofOne(func(f *fleet, i int) (func() error, error) {
		f.nodes[i].finish(syscall.SIGKILL)
		return func() error { return f.start(i) }, nil
	})},
	{name: "Redis ends and starts with all it had", may: forgotten, begin: ofRedis(func(r *redis) (func() error, error) {
		r.ask("SHUTDOWN SAVE") // it ends without an answer
		<-r.process.Ended
		return r.start, nil
	})},
	{name: "nodes restarted one after the other", begin: func(_ context.Context, s *stage, _ *rand.Rand) (func() error, error) {
		for i := range s.fleet.nodes {
			if err := s.fleet.restart(i); err != nil {
				return nil, err
			}
		}
		return func() error { return nil }, nil
	}},
	{name: "node asked to end (SIGTERM)", begin: ofOne(func(f *fleet, i int) (func() error, error) {
		f.nodes[i].finish(syscall.SIGTERM)
		return func() error { return f.start(i) }, nil
	})},
	{name: "node stopped and continued", begin: ofOne(stopped)},
	{name: "node stopped past its lease", least: pastLease, begin: ofOne(stopped)},
	{name: "Redis stopped and continued", begin: ofRedis(func(r *redis) (func() error, error) {
		r.signal(syscall.SIGSTOP)
		return func() error { r.signal(syscall.SIGCONT); return nil }, nil
	})},
	{name: "Redis killed, starts empty", may: forgotten, begin: ofRedis(func(r *redis) (func() error, error) {
		r.kill()
		r.forget()
		return r.start, nil
	})},
	{name: "Redis killed, starts from an older file", may: forgotten, begin: ofRedis(func(r *redis) (func() error, error) {
		_, err := r.ask("SAVE")
		return func() error { r.kill(); return r.start() }, err
	})},
	{name: "Redis flushed", may: forgotten, begin: ofRedis(func(r *redis) (func() error, error) { return func() error { return nil }, r.flush() })},
	{name: "Redis read-only", begin: set("min-replicas-to-write", "1", "0")},
	{name: "Redis without memory", begin: set("maxmemory", "1", "0")},
	{name: "Redis cuts what brings messages", begin: often(func(s *stage) { s.fleet.redis.ask("CLIENT KILL TYPE pubsub") })},
	{name: "node cut from Redis", begin: ofOne(func(f *fleet, i int) (func() error, error) { return f.wires(cut, f.stores[i]) })},
	{name: "node's wire to Redis mute", begin: ofOne(func(f *fleet, i int) (func() error, error) { return f.wires(mute, f.stores[i]) })},
	{name: "nodes cut from Redis, all", begin: ofOne(func(f *fleet, _ int) (func() error, error) { return f.wires(cut, f.stores...) })},
	{name: "nodes cut from each other", begin: ofOne(func(f *fleet, _ int) (func() error, error) { return f.wires(cut, f.doors...) })},
	{name: "nodes' wires to each other mute", begin: ofOne(func(f *fleet, _ int) (func() error, error) { return f.wires(mute, f.doors...) })},
	{name: "balancer reloads", begin: often(func(s *stage) { s.fleet.balancer.reload() })},
}

// ofOne begins with one node that is drawn.
func ofOne(do func(f *fleet, i int) (func() error, error)) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return func(_ context.Context, s *stage, rng *rand.Rand) (func() error, error) {
		return do(s.fleet, rng.IntN(len(s.fleet.nodes)))
	}
}

func ofRedis(do func(r *redis) (func() error, error)) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return func(_ context.Context, s *stage, _ *rand.Rand) (func() error, error) { return do(s.fleet.redis) }
}

func stopped(f *fleet, i int) (func() error, error) {
	f.nodes[i].signal(syscall.SIGSTOP)
	return func() error { f.nodes[i].signal(syscall.SIGCONT); return nil }, nil
}

// set changes a setting of Redis, and sets it back.
func set(name, to, back string) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return ofRedis(func(r *redis) (func() error, error) {
		change := func(value string) error {
			_, err := r.ask(fmt.Sprintf("CONFIG SET %s %s", name, value))
			return err
		}
		return func() error { return change(back) }, change(to)
	})
}
