package core

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tidings/protocol"
)

// AppendID appends the id of a message without an idempotency key: a ULID (github.com/ulid/spec), 26 characters that
// sort by time, of which 80 bits are random: all of a and the low 16 bits of b.
func AppendID(dst []byte, now time.Time, a, b uint64) []byte {
	return appendBase32(dst, uint64(now.UnixMilli())<<16|b&0xffff, a)
}

// KeyedID derives the id of a message that is published with an idempotency key, so that it is the same on every retry,
// also where the broker has lost its memory of the first try. It looks like a ULID.
func KeyedID(principal string, ch protocol.Channel, key string) string {
	h := digest(principal, string(ch), key)
	return string(appendBase32(nil, binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])))
}

// AppendTag appends the low 36 bits of random as a position's tag, 6 characters.
func AppendTag(dst []byte, random uint64) []byte { return AppendWord(dst, random, 6) }

// AppendWord appends the low 6*n bits of v as n characters of the alphabet of epochs and tags.
func AppendWord(dst []byte, v uint64, n int) []byte {
	const word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for n--; n >= 0; n-- {
		dst = append(dst, word[v>>(6*n)&63])
	}
	return dst
}

// appendBase32 appends 128 bits as 26 characters of Crockford's alphabet, the first of which carries 3 bits.
func appendBase32(dst []byte, hi, lo uint64) []byte {
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	for shift := 125; shift >= 0; shift -= 5 {
		var v uint64
		switch {
		case shift >= 64:
			v = hi >> (shift - 64)
		case shift > 59: // the character that has bits of both
			v = hi<<(64-shift) | lo>>shift
		default:
			v = lo >> shift
		}
		dst = append(dst, crockford[v&31])
	}
	return dst
}

// digest hashes fields so that no two lists of fields meet: each is preceded by its length.
func digest(fields ...string) [sha256.Size]byte {
	var room [512]byte
	b := room[:0]
	for _, f := range fields {
		b = binary.BigEndian.AppendUint64(b, uint64(len(f)))
		b = append(b, f...)
	}
	return sha256.Sum256(b)
}
