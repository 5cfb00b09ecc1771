package redisbroker

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/core"
	"tidings/protocol"
)

var errLast = &protocol.Error{
	Code: protocol.CodeChannelClosed, Reason: "the channel has its last message",
	Hint: "Publish nothing after it. To repeat a publish whose answer was lost, send it with the idempotency key that it had.",
}

// Publish runs one script, which is one atomic step. It is never repeated by itself: without an answer in time it fails
// with CodeTimeout.
func (b *Broker) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if err := b.ready(ctx); err != nil {
		return broker.Receipt{}, err
	}
	e := core.Entry{Data: p.Data, Event: p.Event, Volatile: p.Volatile, SpreadMS: p.SpreadMS, Extra: p.Extra}
	id, tag := draw()
	cfg := b.cfg.bounds(p.Channel)
	n := b.layout.Names(p.Channel)
	keys := append(make([]string, 0, 5), n.Channel, n.History, n.Reach, n.Stream)
	content := ""
	if p.IdempotencyKey != "" {
		id = core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey)
		if cfg.IdempotencyTTL > 0 && cfg.MaxIdempotencyKeys > 0 {
			sum := e.Content()
			content = base64.RawURLEncoding.EncodeToString(sum[:])
			keys = append(keys, b.layout.Tag(n.Partition)+"i:"+keyName(p))
		}
	}
	m := &protocol.Message{
		Channel: p.Channel, Epoch: "0123456789abcdef", Tag: tag, ID: id, Data: p.Data, Event: p.Event, SpreadMS: p.SpreadMS, Trace: p.Trace, Exclude: p.Exclude, Extra: p.Extra,
	}
	flags := "-"
	if p.Volatile {
		flags += "v"
	}
	if p.Last {
		flags += "l"
	}
	if _, reply := p.Channel.ReplyExpires(); reply {
		flags += "r"
	}
	args := []string{
		b.cfg.Node, redis.Word(redis.NonceBytes), tag, strconv.Itoa(m.Size()), string(broker.AppendRecord(nil, m)),
		strconv.Itoa(cfg.MaxMessages), strconv.Itoa(cfg.MaxBytes), redis.Millis(cfg.MaxAge), flags,
		redis.Millis(b.cfg.RememberBrief), redis.Millis(b.cfg.Remember), content, redis.Millis(max(cfg.IdempotencyTTL, time.Millisecond)),
	}
	resp, ran, err := b.servers.Do(ctx, redis.Publish, n.Partition, keys, args)
	if err != nil {
		return broker.Receipt{}, b.writeFailed(err)
	}
	text, err := resp.ToString()
	if err != nil {
		return broker.Receipt{}, b.writeFailed(nil)
	}
	switch text {
	case "conflict":
		return broker.Receipt{}, core.ErrIdempotencyConflict
	case "closed":
		return broker.Receipt{}, errLast
	}
	answer := strings.Split(text, " ")
	if len(answer) != 5 {
		return broker.Receipt{}, b.writeFailed(nil)
	}
	r := broker.Receipt{ID: id, Duplicate: answer[0] == "duplicate"}
	if r.Others, err = strconv.Atoi(answer[4]); err != nil {
		return broker.Receipt{}, b.writeFailed(nil)
	}
	if !p.Volatile {
		if r.Position.Offset, err = strconv.ParseUint(answer[2], 10, 64); err != nil {
			return broker.Receipt{}, b.writeFailed(nil)
		}
		r.Position.Epoch, r.Position.Tag = ran.Epoch()+answer[1], answer[3]
	}
	return r, nil
}

// draw makes an id and a tag.
func draw() (id, tag string) {
	r := rand.Uint64()
	s := string(core.AppendTag(core.AppendID(nil, time.Now(), rand.Uint64(), r), r>>16))
	return s[:26], s[26:]
}

// keyName returns the name of an idempotency key: its parts have their lengths before them, so that "a" and "bc" do not
// meet "ab" and "c".
func keyName(p broker.Publish) string {
	h := sha256.New()
	for _, part := range [...]string{string(p.Channel), p.Principal, p.IdempotencyKey} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
