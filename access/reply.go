package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"tidings/protocol"
)

// MinSecretBytes is how long a signing secret must be.
const MinSecretBytes = 32

// Replies issues reply channels and knows them again. It keeps nothing: everything that it asks stands in the name, or
// in the publish URL, and is signed. All nodes of one bus need the same secret.
type Replies struct{ secret []byte }

// NewReplies takes the signing secret. If that is empty it draws one, so that what is issued dies with the process.
func NewReplies(secret []byte) Replies {
	if len(secret) == 0 {
		secret = make([]byte, sha256.Size)
		rand.Read(secret) // never fails
	}
	return Replies{secret}
}

// Reply is a reply channel as it is given to its owner.
type Reply struct {
	Channel   protocol.Channel // a secret: whoever has it may read
	To        string           // names the channel for a publish, and is of no use to read
	Signature string           // whoever has it may publish to To
	Expires   time.Time
}

// Issue returns a new reply channel for id, which ends after ttl, rounded up to the second.
func (r Replies) Issue(id Identity, ttl time.Duration, now time.Time) Reply {
	expires := now.Add(ttl + time.Second - 1).Truncate(time.Second)
	random := make([]byte, 16)
	rand.Read(random)
	to := strconv.FormatInt(expires.Unix(), 36) + "." + text(random) + "." + r.owner(id)
	return Reply{
		Channel: protocol.ReplyChannel(to, r.sign("read", to)), To: to, Signature: r.sign("publish", to), Expires: expires,
	}
}

// MayRead returns nil if id may hear the reply channel ch. It fails with CodeForbidden if it was not issued to id, and
// with CodeChannelExpired if its time is over.
func (r Replies) MayRead(id Identity, ch protocol.Channel, now time.Time) *protocol.Error {
	to, proof, ok := ch.ReplyParts()
	genuine := hmac.Equal([]byte(proof), []byte(r.sign("read", to)))
	owner := []byte(to[strings.LastIndexByte(to, '.')+1:])
	// That of an anonymous client is of whoever has its name, the client itself included when it has signed in.
	own := hmac.Equal(owner, []byte(r.owner(id))) || hmac.Equal(owner, []byte(r.owner(Identity{})))
	if !ok || !genuine || !own {
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "this reply channel was not given to this client", Hint: "Open one, and use the name unchanged. Where the server draws its signing secret, a restart ends all of them."}
	}
	return expired(to, now)
}

// MayPublish returns the channel that a publish URL's parameters stand for. It fails with CodeForbidden if the
// signature is not ours or is another's, and with CodeChannelExpired.
func (r Replies) MayPublish(to, signature string, now time.Time) (protocol.Channel, *protocol.Error) {
	if !hmac.Equal([]byte(signature), []byte(r.sign("publish", to))) {
		return "", &protocol.Error{Code: protocol.CodeForbidden, Reason: "the publish URL is not one of this server's, or was altered", Hint: "Use the whole URL as the client handed it over. Where the server draws its signing secret, a restart ends all URLs: set signing_secret."}
	}
	if fault := expired(to, now); fault != nil {
		return "", fault
	}
	return protocol.ReplyChannel(to, r.sign("read", to)), nil
}

func expired(to string, now time.Time) *protocol.Error {
	if end, ok := protocol.ReplyEnd(to); !ok || !now.Before(end) {
		return &protocol.Error{Code: protocol.CodeChannelExpired, Reason: "the reply channel's time is over", Hint: "Open another one, for longer."}
	}
	return nil
}

// owner is who may read, without naming them.
func (r Replies) owner(id Identity) string { return r.sign("owner", id.User)[:11] }

// sign returns 128 bits over what, for one purpose only.
func (r Replies) sign(purpose, what string) string {
	mac := hmac.New(sha256.New, r.secret)
	mac.Write([]byte("tidings reply " + purpose + "\n" + what))
	return text(mac.Sum(nil)[:16])
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
