package transports

// inbound is what a client sends over one conn.
type inbound interface {
	// read waits for what comes next and deals with it. It answers false when nothing more is to be read.
	read() bool
	// shallow tells that read's last call left the stack small, or that more waits to be read at once.
	shallow() bool
	// crashed ends the connection after read panicked: a fault that one client can provoke must not end the process.
	crashed(cause any)
}

// readers brings the bytes of all conns to those who read them. It is a seam: goroutines is the plain way; another may wake a
// reader only when its conn is readable, as long as it calls read one at a time per inbound.
type readers interface{ watch(in inbound) }

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
