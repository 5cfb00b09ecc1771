//go:build !linux

package transports

// newNotifier gives none: each conn has a goroutine.
func newNotifier(func(place)) notifier { return nil }
