package transports

import (
	"net/http"
	"time"

	"tidings/protocol"
)

// maxOpening is how long an opening poll waits for what the subscribes in it recover. Then it is answered with what is
// there.
const maxOpening = time.Second

// waitOpened waits until so many subscribes behind connect are answered, and what they recover is there: a client whose
// next poll may land on a node that cannot reach this one hears of it in this answer, or never. It reports false if the
// client has left.
func (p *pollLink) waitOpened(r *http.Request, subscribes int) bool {
	waiter := p.listen()
	limit := time.NewTimer(maxOpening)
	defer limit.Stop()
	recovered := p.bound.session.Recovered()
	for {
		frames, bytes := p.bound.outbox.Waiting()
		if recovered == nil && frames > subscribes || frames >= protocol.RecoveryPageFrames || bytes >= protocol.RecoveryPageBytes {
			return true // connected is one of the frames
		}
		select {
		case <-recovered:
			recovered = nil
		case <-waiter.wake:
		case <-waiter.done:
			return true
		case <-limit.C:
			return true
		case <-r.Context().Done():
			p.lose("")
			return false
		}
	}
}

// subscribes returns how many frames subscribe, over a link that resumed a session or began one.
func subscribes(frames []protocol.ClientFrame, resumed bool) (n int) {
	for i := range frames {
		if f := &frames[i]; f.Type == protocol.TypeSubscribe && !(resumed && f.Anew) {
			n++
		}
	}
	return n
}
