package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode"

	"golang.org/x/crypto/argon2"

	"tidings/protocol"
)

// Users are names with the hashes of their passwords and their roles, as a file has them. It never changes.
type Users struct {
	of    map[string]userEntry
	decoy hash          // that a name which there is not is checked against, for as long as any other
	space chan struct{} // one element for each password that is checked at once
}

type userEntry struct {
	hash  hash
	roles []string
}

// hash is an argon2id hash of a password (RFC 9106).
type hash struct {
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, key    []byte
}

// What a new hash costs: 19 MiB and two passes, as OWASP's cheat sheet on passwords has it. Hashes of a file may cost
// up to maxHashMemory KiB and maxHashTime passes.
const (
	hashMemory    = 19 << 10
	hashTime      = 2
	hashKeyBytes  = 32
	hashSaltBytes = 16
	maxHashMemory = 256 << 10
	maxHashTime   = 16
)

// MaxPasswordBytes bounds a password.
const MaxPasswordBytes = 1024

// HashPassword returns a new hash of a password, as a users file has it.
func HashPassword(password string) string {
	h := hash{memory: hashMemory, time: hashTime, threads: 1, salt: make([]byte, hashSaltBytes)}
	rand.Read(h.salt)
	h.key = h.of(password, hashKeyBytes)
	return h.String()
}

func (h *hash) of(password string, bytes int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(bytes))
}

// String returns the hash in the usual form.
func (h *hash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

func parseHash(text string) (h hash, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errors.New("not a hash by argon2id; make it with `tidings users add`")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, errors.New("the hash's parameters cannot be read")
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 64 {
		return h, errors.New("the hash's salt or key cannot be read")
	}
	if h.memory < 8 || h.memory > maxHashMemory || h.time < 1 || h.time > maxHashTime || h.threads < 1 || h.threads > 8 {
		return h, fmt.Errorf("the hash costs more than %d KiB and %d passes, or nothing", maxHashMemory, maxHashTime)
	}
	return h, nil
}

// ReadUsers reads a users file: lines of a name, a hash and, if the user has any, roles with commas between. Empty
// lines and those that begin with # are left out. Its errors name the line, and nothing of what it holds.
func ReadUsers(text []byte) (*Users, error) {
	u := &Users{of: map[string]userEntry{}, space: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) > 3 || len(fields) < 2 {
			return nil, fmt.Errorf("line %d is not of the form NAME HASH [ROLE,ROLE]", number)
		}
		if err := CheckUserName(fields[0]); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if _, twice := u.of[fields[0]]; twice {
			return nil, fmt.Errorf("line %d: the name stands in the file before", number)
		}
		h, err := parseHash(fields[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		entry := userEntry{hash: h}
		if len(fields) == 3 {
			entry.roles = strings.Split(fields[2], ",")
		}
		u.of[fields[0]] = entry
		if h.memory*h.time > u.decoy.memory*u.decoy.time { // no name is found out by a longer wait than nobody's
			u.decoy = h
		}
	}
	if u.decoy.key == nil {
		u.decoy = hash{memory: hashMemory, time: hashTime, threads: 1, salt: make([]byte, hashSaltBytes), key: make([]byte, hashKeyBytes)}
	}
	return u, nil
}

// CheckUserName fails for a name that no user can have: it has white space or control characters, or too many bytes.
func CheckUserName(name string) error {
	if name == "" || len(name) > protocol.MaxNameBytes || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("a user's name has 1 to %d bytes, without white space and control characters", protocol.MaxNameBytes)
	}
	return nil
}

// Check reports whether the password is that of the user, and returns the user's roles. A name that there is not takes
// as long as a wrong password. It fails with ctx's error if others wait for longer than ctx lasts.
func (u *Users) Check(ctx context.Context, name, password string) (roles []string, ok bool, err error) {
	select {
	case u.space <- struct{}{}:
		defer func() { <-u.space }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	entry, there := u.of[name]
	h := &entry.hash
	if !there {
		h = &u.decoy
	}
	got := h.of(password[:min(len(password), MaxPasswordBytes)], len(h.key))
	right := subtle.ConstantTimeCompare(got, h.key) == 1
	return entry.roles, right && there && len(password) <= MaxPasswordBytes, nil
}
