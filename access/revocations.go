package access

import (
	"sync"
	"sync/atomic"
	"tidings/protocol"
	"time"
)

// MaxRevocations bounds the revocations that are remembered.
const MaxRevocations = 100_000

// Revocations remembers which tokens do not count any more, though their time is not over. It is this process's own and
// lasts as long. The zero Revocations is empty.
type Revocations struct {
	ahead atomic.Int64 // most nanoseconds that a good token was dated ahead of our clock when it was shown

	mu    sync.RWMutex // guards all below
	list  map[revocation]revoked
	swept time.Time
}

// revocation names a token by its id, or a user, by what it is and not by a text put together.
type revocation struct {
	user bool
	name string
}

type revoked struct {
	since time.Time // tokens of the user that were issued until then
	until time.Time // when every token that it is of is over
}

var errRevocations = &protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "as many revocations are remembered as may be", Hint: "Use shorter tokens (tokens.max_lifetime): a revocation is remembered as long as a token may live. To sign everybody out, change the key."}

// RevokeToken makes the token of an id (jti) count no more. It fails with CodeLimitExceeded.
func (r *Revocations) RevokeToken(id string, until time.Time) *protocol.Error {
	return r.add(revocation{name: id}, revoked{until: until})
}

// RevokeUser makes the tokens of a user count no more that were issued until since, or that do not contain when; see
// Revoked. It fails with CodeLimitExceeded.
func (r *Revocations) RevokeUser(user string, since, until time.Time) *protocol.Error {
	return r.add(revocation{user: true, name: user}, revoked{since: since, until: until})
}

func (r *Revocations) add(name revocation, v revoked) *protocol.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.list[name]; !ok && len(r.list) >= MaxRevocations && !r.sweep() {
		return errRevocations
	}
	if r.list == nil {
		r.list = map[revocation]revoked{}
	}
	r.list[name] = v
	return nil
}

// sweep forgets those whose time is over, at most once a second. It reports whether there is space.
func (r *Revocations) sweep() bool {
	now := time.Now()
	if now.Sub(r.swept) >= time.Second {
		r.swept = now
		for name, v := range r.list {
			if now.After(v.until) {
				delete(r.list, name)
			}
		}
	}
	return len(r.list) < MaxRevocations
}

// Shown takes notice of a token that is good. If it is dated ahead, its issuer's clock is ahead of ours, at most
// TokenLeeway: then a token that the issuer dates after a revocation may have been issued before it.
func (r *Revocations) Shown(id Identity) {
	if id.Issued().IsZero() {
		return
	}
	ahead := int64(time.Until(id.Issued()))
	for most := r.ahead.Load(); ahead > most && !r.ahead.CompareAndSwap(most, ahead); {
		most = r.ahead.Load()
	}
}

// Revoked reports whether the token that id is of was revoked. For a user's that is each one dated up to the moment of
// the revocation, or after it by no more than a token that was Shown has been ahead. A token without a date counts as
// revoked.
func (r *Revocations) Revoked(id Identity) bool {
	if id.Anonymous() {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.list) == 0 {
		return false
	}
	if token := id.TokenID(); token != "" {
		if _, ok := r.list[revocation{name: token}]; ok {
			return true
		}
	}
	v, ok := r.list[revocation{user: true, name: id.User}]
	return ok && !id.Issued().After(v.since.Add(time.Duration(r.ahead.Load())))
}

// Len is the number of revocations that are remembered.
func (r *Revocations) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.list)
}
