package main

import (
	"os"
	"testing"

	"tidings/actors"
)

func TestContainerLimit(t *testing.T) {
	const v2, v1 = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{name: "none"},
		{name: "v2", files: map[string]string{v2: "268435456\n"}, want: 256 << 20},
		{name: "v2 without a limit", files: map[string]string{v2: "max\n"}},
		{name: "v1", files: map[string]string{v1: "268435456\n"}, want: 256 << 20},
		{name: "v1 without a limit", files: map[string]string{v1: "9223372036854771712\n"}},
		{name: "nonsense", files: map[string]string{v2: "-1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := containerLimit(func(name string) ([]byte, error) {
				if text, ok := tt.files[name]; ok {
					return []byte(text), nil
				}
				return nil, os.ErrNotExist
			})
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestPressure(t *testing.T) {
	for living, want := range map[uint64]actors.Pressure{0: actors.Easy, 70: actors.Easy, 71: actors.Tight, 85: actors.Tight, 86: actors.Full, 200: actors.Full} {
		if got := pressureOf(living, 100); got != want {
			t.Errorf("%d of 100: got %d, want %d", living, got, want)
		}
	}
}
