package protocol

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// mutated changes a golden frame in a few places, as a fault or a fuzzer would.
func mutated(r *rand.Rand, wire, other []byte) []byte {
	b := slices.Clone(wire)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		i := r.IntN(len(b))
		switch r.IntN(6) {
		case 0:
			b[i] = byte(r.Uint32())
		case 1:
			b = slices.Delete(b, i, min(len(b), i+1+r.IntN(8)))
		case 2:
			b = slices.Insert(b, i, []byte(`{}[]",:\0-.eé`)[r.IntN(14)])
		case 3: // a part again and again
			part := slices.Clone(b[i:min(len(b), i+1+r.IntN(12))])
			for range r.IntN(200) {
				b = slices.Insert(b, i, part...)
			}
		case 4: // the end of another
			b = append(b[:i], other[r.IntN(len(other)+1):]...)
		case 5:
			b = append(b, b...)
		}
		if len(b) > MaxMessageBytes {
			b = b[:MaxMessageBytes]
		}
	}
	return b
}

// B112: whatever becomes of a frame on its way, to decode it costs no panic, less than 1 MiB and less than 10 ms.
func TestB112_MutatedGoldenFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	vectors := readVectors[frameVector](t, "frames.json")
	decoders := []func([]byte){
		func(b []byte) { DecodeClientFrames(b) }, func(b []byte) { DecodeServerFrames(b) }, func(b []byte) { DecodeSend(b) }, func(b []byte) { CompactJSON(b) },
	}
	cost := func(decode func([]byte), b []byte) (uint64, time.Duration) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		decode(b)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, took
	}
	most, slowest := uint64(0), time.Duration(0)
	for i := range 4000 {
		wire := []byte(vectors[i%len(vectors)].Wire)
		b := mutated(r, wire, []byte(vectors[r.IntN(len(vectors))].Wire))
		decode := decoders[i%len(decoders)]
		bytes, took := cost(decode, b)
		for again := 0; took > 10*time.Millisecond && again < 5; again++ { // another process may have had the processor
			_, took = cost(decode, b)
		}
		if bytes > 1<<20 || took > 10*time.Millisecond {
			t.Fatalf("%d bytes and %v for %.200q", bytes, took, b)
		}
		most, slowest = max(most, bytes), max(slowest, took)
	}
	t.Logf("the dearest: %d bytes, %v", most, slowest)
}
