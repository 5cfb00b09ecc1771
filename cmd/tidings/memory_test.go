package main

import (
	"os"
	"testing"
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
