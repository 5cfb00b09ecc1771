package redisbroker

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
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
	flags, content := b.flags(p), ""
	if p.IdempotencyKey != "" {
		id = core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey)
		if cfg.IdempotencyTTL > 0 && cfg.MaxIdempotencyKeys > 0 {
			sum := e.Content()
			content = string(sum[:])
			keys = append(keys, b.layout.Tag(n.Partition)+"i:"+keyName(p))
		}
	}
	m := &protocol.Message{
		Channel: p.Channel, Epoch: "0123456789abcdef", Tag: tag, ID: id, Data: p.Data, Event: p.Event, SpreadMS: p.SpreadMS, Trace: p.Trace, Exclude: p.Exclude, Extra: p.Extra,
	}
	_, reply := p.Channel.ReplyExpires()
	script, bounds := b.publish.In(redis.Bounds{
		MaxMessages: cfg.MaxMessages, MaxBytes: cfg.MaxBytes, MaxAge: cfg.MaxAge, Brief: b.cfg.RememberBrief, Remember: b.cfg.Remember, KeyLife: max(cfg.IdempotencyTTL, time.Millisecond),
	}, reply)
	args := append(make([]string, 0, 12), redis.Word(redis.NonceBytes), tag, strconv.Itoa(m.Size()), string(broker.AppendRecord(nil, m)))
	if flags != "" || content != "" || bounds != nil {
		args = append(append(args, flags, content), bounds...)
	}
	resp, ran, err := b.servers.Do(ctx, script, n.Partition, keys, args)
	if err != nil {
		return broker.Receipt{}, b.writeFailed(err)
	}
	text, err := resp.ToString()
	if err != nil {
		return broker.Receipt{}, b.writeFailed(nil)
	}
	r, err := readReceipt(text, ran.Epoch(), p.Volatile)
	switch {
	case errors.Is(err, redis.ErrMoved):
		return broker.Receipt{}, b.writeFailed(nil)
	case err != nil:
		return broker.Receipt{}, err
	}
	r.ID = id
	return r, nil
}

// flags returns what is special about a publish, as the script takes it.
func (b *Broker) flags(p broker.Publish) (flags string) {
	if p.Volatile {
		flags += "v"
	}
	if p.Last {
		flags += "l"
	}
	if _, reply := p.Channel.ReplyExpires(); reply {
		flags += "r"
	}
	return flags
}

// readReceipt reads what the script returns: kind, nonce, tag, offset, a blank, and subscriptions on other nodes. It
// fails with redis.ErrMoved if the answer is none.
func readReceipt(text, run string, volatile bool) (r broker.Receipt, err error) {
	const head = 1 + redis.NonceBytes + entryTag
	switch text {
	case "!":
		return r, core.ErrIdempotencyConflict
	case ".":
		return r, errLast
	}
	if len(text) < head {
		return r, redis.ErrMoved
	}
	offset, others, found := strings.Cut(text[head:], " ")
	if r.Others, err = strconv.Atoi(others); err != nil || !found {
		return r, redis.ErrMoved
	}
	if r.Duplicate = text[0] == '='; volatile {
		return r, nil
	}
	if r.Position.Offset, err = strconv.ParseUint(offset, 10, 64); err != nil {
		return r, redis.ErrMoved
	}
	r.Position.Epoch, r.Position.Tag = run+text[1:1+redis.NonceBytes], text[1+redis.NonceBytes:head]
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
