//go:build !linux

package transports

// newNotifier returns nil: each conn has a goroutine.
func newNotifier(func(place, bool)) notifier { return nil }
