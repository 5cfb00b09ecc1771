package main

import (
	"fmt"
	"strconv"
	"time"
)

// resume cuts all clients, publishes while they are away, and has them come back to their sessions at once: the time
// until everybody has every message once, beside that of their first connect.
func resume(clients, missed int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		first, err := newSwarm()
		if err != nil {
			return nil, err
		}
		defer first.close()
		storm, err := first.arrive(t, clients, 2) // connected and subscribed
		if err != nil {
			return nil, err
		}
		first.close()
		time.Sleep(300 * time.Millisecond)
		if _, err := t.publish(load{channel: channelName(1), rate: 1000, count: missed, conns: 1}); err != nil {
			return nil, err
		}
		second, err := newSwarm()
		if err != nil {
			return nil, err
		}
		defer second.close()
		second.before = first.members
		cpu := t.server.cpu()
		back, err := second.arrive(t, clients, 1+missed) // connected and what was missed
		if err != nil {
			return nil, err
		}
		used := t.server.cpu() - cpu
		time.Sleep(300 * time.Millisecond)
		for i, m := range second.members {
			if m.total != uint64(1+missed) || m.session != first.members[i].session {
				return nil, fmt.Errorf("client %d has %d frames of %d, its session is resumed: %v", i, m.total, 1+missed, m.session == first.members[i].session)
			}
		}
		return map[string]float64{
			"seconds": back.Seconds(), "cpu_seconds": used.Seconds(),
			"seconds_storm": storm.Seconds(), "ratio": back.Seconds() / storm.Seconds(),
		}, nil
	}
}

// arrive connects the clients and returns the time until each has so many frames.
func (s *swarm) arrive(t *target, clients, frames int) (time.Duration, error) {
	start := time.Now()
	if err := s.connect(t.server.addr, t.form, clients, channelName(1)); err != nil {
		return 0, err
	}
	if err := s.run(); err != nil {
		return 0, err
	}
	err := s.wait(int64(clients*frames), 30*time.Second)
	return time.Since(start), err
}

// connectFrames opens a session with a subscribe, or goes on with the session that a member of an older swarm had.
func connectFrames(channel string, before *member) string {
	if before == nil {
		return `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"` + channel + `"}]`
	}
	return `[{"type":"connect","session":"` + before.session + `","received":` + strconv.FormatUint(before.total-1, 10) + `}]`
}
