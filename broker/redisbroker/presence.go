package redisbroker

import (
	"context"
	"strconv"
	"strings"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/core"
	"tidings/protocol"
)

// attendRows is how many members one script is told of.
const attendRows = 256

// Attend notes in Redis who has come to a channel on this node, and who has left it.
func (b *Broker) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	p := b.layout.Partition(ch)
	b.crowd.note(p, ch, joined, left)
	for len(joined)+len(left) > 0 {
		come := joined[:min(len(joined), attendRows)]
		gone := left[:min(len(left), attendRows-len(come))]
		joined, left = joined[len(come):], left[len(gone):]
		if err := b.attend(ctx, p, ch, come, gone); err != nil {
			return b.readFailed(err) // safe to repeat
		}
	}
	return nil
}

func (b *Broker) attend(ctx context.Context, p int, ch protocol.Channel, joined, left []protocol.Member) error {
	tag := b.layout.Tag(p)
	keys := []string{tag + "c:" + string(ch), tag + "a:" + string(ch), tag + "m:" + string(ch), tag + "nodes", tag + "of:" + b.cfg.Node, tag + "!" + string(ch)}
	return b.said(p, func(expected string) (string, error) {
		args := []string{b.cfg.Node, redis.Millis(b.cfg.Lease), expected, string(ch), redis.Millis(rememberAsked), strconv.Itoa(len(joined))}
		for _, list := range [][]protocol.Member{joined, left} {
			for _, m := range list {
				args = append(args, memberName(m))
			}
		}
		resp, _, err := b.servers.Do(ctx, redis.Attend, p, keys, args)
		if err != nil {
			return "", err
		}
		return resp.ToString()
	})
}

// Members counts who is in a channel and reads a page of them.
func (b *Broker) Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	if err := b.ready(ctx); err != nil {
		return core.MembersPage{}, err
	}
	p := b.layout.Partition(ch)
	tag := b.layout.Tag(p)
	from, most := "", 0
	if after != (protocol.Member{}) {
		from = "(" + memberName(after)
	}
	if limit > 0 {
		most = limit + 1
	}
	resp, _, err := b.servers.Do(ctx, redis.Members, p, []string{tag + "c:" + string(ch), tag + "m:" + string(ch)}, []string{from, strconv.Itoa(most)})
	if err != nil {
		return core.MembersPage{}, b.readFailed(err)
	}
	answer, err := resp.AsStrSlice()
	if err != nil || len(answer) < 2 {
		return core.MembersPage{}, b.readFailed(nil)
	}
	var page core.MembersPage
	page.Version, _ = strconv.ParseUint(answer[0], 10, 64)
	page.Count, _ = strconv.Atoi(answer[1])
	for _, name := range answer[2:] {
		page.Members = append(page.Members, memberOf(name))
	}
	if page.More = limit > 0 && len(page.Members) > limit; page.More {
		page.Members = page.Members[:limit]
	}
	return page, nil
}

// Watch brings changes of who is there. It returns when Redis has confirmed.
func (b *Broker) Watch(ctx context.Context, ch protocol.Channel, sink broker.MembersSink) (stop func(), err error) {
	p := b.layout.Partition(ch)
	return b.hear(ctx, p, b.layout.Tag(p)+"!"+string(ch), readChange, &redis.Listener{
		Bring: func(v any) { sink.Changed(v.(core.MembersChange)) }, Interrupted: sink.Interrupted,
	})
}

// memberName is a member as Redis has it: in the order of its bytes names are in the order of Member.Compare.
func memberName(m protocol.Member) string { return m.User + "\x00" + m.Connection }

func memberOf(name string) protocol.Member {
	user, connection, _ := strings.Cut(name, "\x00")
	return protocol.Member{User: user, Connection: connection}
}

// readChange reads what the scripts send on: version, count, how many joined and left, and each with its length before
// it.
func readChange(text string) (any, bool) {
	var numbers [4]uint64
	for i := range numbers {
		word, rest, found := strings.Cut(text, " ")
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil || !found {
			return nil, false
		}
		numbers[i], text = n, rest
	}
	c := core.MembersChange{Version: numbers[0], Count: int(numbers[1])}
	for i := uint64(0); i < numbers[2]+numbers[3]; i++ {
		word, rest, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 || n > len(rest) {
			return nil, false
		}
		m := memberOf(rest[:n])
		if text = rest[n:]; i < numbers[2] {
			c.Joined = append(c.Joined, m)
		} else {
			c.Left = append(c.Left, m)
		}
	}
	return c, text == ""
}
