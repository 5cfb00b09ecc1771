package transports

// inbound is what a client sends over one conn.
type inbound interface {
	// read waits for what comes next and deals with it. It answers false when nothing more is to be read.
	read() bool
	// shallow tells that read's last call left the stack small, or that more waits to be read at once.
	shallow() bool
	// base is what is read.
	base() *source
	// crashed ends the connection after read panicked: a fault that one client can provoke must not end the process.
	crashed(cause any)
}

// readers brings the bytes of all conns to those who read them: goroutines everywhere, readiness where the system can tell which conns
// are readable. They call read one at a time for each inbound.
type readers interface {
	watch(in inbound)
	// fire says that a conn which is watched was closed by us.
	fire(at place)
	// release ends the watching of a conn that goes on elsewhere; its inbound's next read must answer false.
	release(s *source)
	close()
}

func newReaders(cfg *Config) readers {
	r := newReadiness()
	if r.system = newNotifier(r.fire); r.system == nil || cfg.ReaderGoroutines {
		return goroutines{}
	}
	return r
}

// goroutines reads each conn in a goroutine of its own. Dealing with a message takes 8 KB of stack, which a goroutine that waits in
// the same call does not give back; waiting takes 4 KB. So the wait goes on in a new goroutine.
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

// fire has nothing to do: closing a conn wakes who reads it.
func (g goroutines) fire(place) {}

func (g goroutines) release(*source) {}

func (g goroutines) close() {}
