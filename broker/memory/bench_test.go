package memory_test

import (
	"strconv"
	"testing"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/protocol"
)

type nobody struct{}

func (nobody) Message(*protocol.Message) {}
func (nobody) Interrupted()              {}

func start(b *testing.B) *memory.Broker {
	m := memory.New(memory.DefaultConfig())
	b.Cleanup(func() { m.Close() })
	return m
}

func publish(b *testing.B, m *memory.Broker, p broker.Publish) {
	if _, err := m.Publish(b.Context(), p); err != nil {
		b.Fatal(err)
	}
}

var payload = []byte(`{"visitor":"u42","arrived":"2026-11-20T09:15:00Z","desk":"reception-3","badge":123456,"state":"checked-in"}`)

func BenchmarkPublish(b *testing.B) {
	m := start(b)
	if _, err := m.Subscribe(b.Context(), "visitor/arrival", nobody{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		publish(b, m, broker.Publish{Channel: "visitor/arrival", Data: payload})
	}
}

func BenchmarkPublishKeyed(b *testing.B) {
	m := start(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		publish(b, m, broker.Publish{Channel: "visitor/arrival", Data: payload, Principal: "desk", IdempotencyKey: strconv.Itoa(i)})
	}
}

func BenchmarkPublishRepeated(b *testing.B) {
	m := start(b)
	b.ReportAllocs()
	for b.Loop() {
		publish(b, m, broker.Publish{Channel: "visitor/arrival", Data: payload, Principal: "desk", IdempotencyKey: "same"})
	}
}

func BenchmarkPublishParallel(b *testing.B) {
	m := start(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			publish(b, m, broker.Publish{Channel: protocol.Channel("c/" + strconv.Itoa(i%1000)), Data: payload})
		}
	})
}

func BenchmarkPublishNewChannel(b *testing.B) {
	m := start(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		publish(b, m, broker.Publish{Channel: protocol.Channel("visitor/" + strconv.Itoa(i%900_000)), Data: payload})
	}
}

func BenchmarkHistoryPage(b *testing.B) {
	m := start(b)
	first, err := m.Publish(b.Context(), broker.Publish{Channel: "c", Data: payload})
	if err != nil {
		b.Fatal(err)
	}
	for range 256 {
		publish(b, m, broker.Publish{Channel: "c", Data: payload})
	}
	b.ReportAllocs()
	for b.Loop() {
		if p, err := m.History(b.Context(), "c", first.Position, 256); err != nil || len(p.Messages) != 256 {
			b.Fatal(p.Lost, err)
		}
	}
}
