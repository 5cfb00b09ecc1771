package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// VisitLength is how long a visit lasts.
const VisitLength = 8 * time.Hour

// Visits let a person use an API key for some hours without sending it again: the key is shown once, and a signed text
// stands in for it. They keep nothing. All nodes of one bus need the same secret.
type Visits struct{ secret []byte }

// NewVisits takes the signing secret. If that is empty it draws one, so that every visit ends with the process.
func NewVisits(secret []byte) Visits {
	if len(secret) == 0 {
		secret = make([]byte, sha256.Size)
		rand.Read(secret) // never fails
	}
	return Visits{secret}
}

// Begin returns the text that stands in for key, and when it ends.
func (v Visits) Begin(key string, now time.Time) (text string, ends time.Time) {
	ends = now.Add(VisitLength).Truncate(time.Second)
	end := strconv.FormatInt(ends.Unix(), 36)
	return end + "." + v.sign(end, sha256.Sum256([]byte(key))), ends
}

// Find returns the backend whose key the text stands in for, with the scopes that the key has now, and when the visit
// ends. It returns false if the time is over, if the text was not signed here, and if its key is none of keys any more.
func (v Visits) Find(text string, keys Keys, now time.Time) (b Backend, ends time.Time, ok bool) {
	end, signature, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(end, 36, 64)
	ends = time.Unix(seconds, 0)
	if err != nil || !now.Before(ends) || ends.After(now.Add(VisitLength)) {
		return Backend{}, time.Time{}, false
	}
	for i, hash := range keys.hashes {
		if hmac.Equal([]byte(signature), []byte(v.sign(end, hash))) {
			return keys.backends[i], ends, true
		}
	}
	return Backend{}, time.Time{}, false
}

// sign binds the end of a visit to a key. The name stands before it, so that no signature of another purpose fits.
func (v Visits) sign(end string, key [sha256.Size]byte) string {
	mac := hmac.New(sha256.New, v.secret)
	mac.Write([]byte("tidings visit\n" + end + "\n"))
	mac.Write(key[:])
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
