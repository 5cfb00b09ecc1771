package transports

// inbound deals with what a client sends over one conn.
type inbound interface {
	// read waits for what comes next and deals with it. It reports false when nothing more is to be read.
	read() bool
	// shallow reports whether the last call of read left the stack small, or more can be read at once.
	shallow() bool
	// base returns the conn that is read.
	base() *source
	// crashed ends the connection after read panicked: a fault that one client can provoke must not end the process.
	crashed(cause any)
}

// readers calls read for all inbounds, one call at a time for each of them: goroutines on every system, readiness on
// systems that report which conns are readable.
type readers interface {
	watch(in inbound)
	// fire reports that we have closed a conn that is watched.
	fire(at place)
	// release stops watching a conn that goes on elsewhere. The next read of its inbound must report false.
	release(s *source)
	close()
}

func newReaders(cfg *Config) readers {
	r := newReadiness()
	if r.system = newNotifier(r.note); r.system == nil || cfg.ReaderGoroutines {
		return goroutines{}
	}
	return r
}

// goroutines reads each conn in a goroutine of its own. Dealing with a message takes 8 KB of stack, which a goroutine
// does not give back while it waits; waiting takes 4 KB. So after a message a new goroutine waits for the next one.
type goroutines struct{}

func (g goroutines) watch(in inbound) {
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				in.crashed(cause)
			}
		}()
		for in.read() {
			if !in.shallow() {
				g.watch(in)
				return
			}
		}
	}()
}

// fire has nothing to do: closing a conn wakes the goroutine that reads it.
func (g goroutines) fire(place) {}

func (g goroutines) release(*source) {}

func (g goroutines) close() {}
