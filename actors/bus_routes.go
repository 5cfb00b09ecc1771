package actors

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"tidings/access"
	"tidings/broker"
	"tidings/protocol"
)

// Routes reports whether there are any: without them Route gives nobody.
func (b *Bus) Routes() bool { return !b.routing.Load().Empty() }

// Route returns the channels that a message without a channel goes to. It fails as access.Router.Route does.
func (b *Bus) Route(event string, data []byte) (access.Routed, error) {
	routed, err := b.routing.Load().Route(event, data)
	switch {
	case err != nil:
		b.tally.unroutable.Add(1)
	case len(routed.Channels) == 0:
		b.tally.unrouted.Add(1)
	default:
		b.tally.routed.Add(1)
	}
	return routed, err
}

// RouteChange returns the channels that a change of a document goes to beside its collection's own; none if its data do
// not say where. The event is that of access.ChangePrefix.
func (b *Bus) RouteChange(event string, data []byte) []protocol.Channel {
	routed, err := b.routing.Load().RouteChange(event, data)
	if err != nil {
		b.tally.unroutable.Add(1)
		b.log.Warn("a change of a document cannot be routed", "event", event, "error", err)
	}
	return routed.Channels
}

// Match returns the channels that a glob names among those that somebody hears on this node, or heard a short time ago,
// by name; only those for which only, if not nil, gives true. Reply channels are not among them. It walks all channels.
// It fails with CodeLimitExceeded above protocol.MaxPatternChannels.
func (b *Bus) Match(g access.Glob, only func(protocol.Channel) bool) ([]protocol.Channel, error) {
	var found []protocol.Channel
	b.router.each(func(e *entry) {
		if e.name[0] != '$' && g.Match(e.name) && (only == nil || only(e.name)) {
			found = append(found, e.name)
		}
	})
	if len(found) > protocol.MaxPatternChannels {
		return nil, TooManyChannels(len(found))
	}
	slices.Sort(found)
	return found, nil
}

// TooManyChannels is the error for a pattern that names n channels, more than protocol.MaxPatternChannels.
func TooManyChannels(n int) *protocol.Error {
	return &protocol.Error{
		Code: protocol.CodeLimitExceeded, Reason: fmt.Sprintf("the pattern names %d channels, more than %d", n, protocol.MaxPatternChannels),
		Hint: "Nothing was published. Give narrower patterns, or let all of these clients subscribe to one channel more.",
	}
}

// Once returns what find gives, and the same again to whoever repeats it with its idempotency key inside five minutes,
// on whatever node: so that a repeated publish goes where the first one went, although other channels are there by now,
// or other routes. asked is what find is about; if it is another one for the same key it fails with
// CodeIdempotencyConflict. Without a key it calls find.
func (b *Bus) Once(principal, key, asked string, find func() (access.Routed, error)) (access.Routed, error) {
	if key == "" {
		return find()
	}
	k, what := targetKey{principal, key}, sha256.Sum256([]byte(asked))
	if known := b.targets.get(k, b.clock()); known != nil {
		return known.answer(what)
	}
	routed, err := find()
	if err != nil {
		return access.Routed{}, err
	}
	first, err := b.decided(k, &target{Routed: routed, asked: what})
	if err != nil {
		return access.Routed{}, err
	}
	first.at = b.clock()
	return b.targets.put(k, first).answer(what)
}

// routedNote is how the broker keeps where a publish went.
type routedNote struct {
	Asked    []byte             `json:"asked"`
	Route    int                `json:"route,omitempty"`
	Channels []protocol.Channel `json:"channels"`
}

// decided returns where the first publish with a key went, on whatever node: t if that was this one. It fails as the
// broker does; then nothing was published.
func (b *Bus) decided(k targetKey, t *target) (*target, error) {
	arbiter, ok := b.broker.(broker.Arbiter)
	if !ok || b.cluster == nil {
		return t, nil
	}
	mine, err := json.Marshal(routedNote{t.asked[:], t.Route, t.Channels})
	if err != nil {
		return nil, err
	}
	var first []byte
	err = b.call(func(ctx context.Context) error {
		first, err = arbiter.Swap(ctx, k.swapped(), nil, mine, targetLife)
		return err
	})
	if err != nil {
		return nil, b.failure(err, errBroker)
	}
	var found routedNote
	if err := json.Unmarshal(first, &found); err != nil || len(found.Asked) != sha256.Size {
		return nil, protocol.Internal
	}
	return &target{Routed: access.Routed{Route: found.Route, Channels: found.Channels}, asked: [sha256.Size]byte(found.Asked)}, nil
}

// swapped is the name under which the broker keeps it: a hash, in which neither part can pass for some of the other.
func (k targetKey) swapped() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", len(k.principal), k.principal, k.key))
	return "routed " + base64.RawURLEncoding.EncodeToString(sum[:])
}
