package core

import "tidings/protocol"

// ClientPort is what a Client asks of its program. It is called from within the Client's methods, in order. Message,
// Gap and Ended may call Subscribe, Unsubscribe and Request, and nothing else.
type ClientPort interface {
	// Send writes frames to a link, as one message.
	Send(link int, frames ...protocol.ClientFrame)
	// Message hands out a message. The cursor moves when it returns.
	Message(s *Subscription, m *protocol.Message)
	// Gap reports that messages of s may be missing.
	Gap(s *Subscription, g Gap)
	// Subscribed reports that s is live from its cursor.
	Subscribed(s *Subscription, recovered bool)
	// Ended reports that the server refused or ended s, which is forgotten unless s.Ended returns why: then it is asked
	// for again at times, and Subscribed follows if the rules allow it again.
	Ended(s *Subscription, fault *protocol.Error)
	// Answered hands out the answer to a request: a reply, or a fault.
	Answered(r *Request, reply *protocol.ServerFrame, fault *protocol.Error)
	// Connected reports that link carries the session now.
	Connected(link int, resumed bool)
	// Disconnected reports that the server ended link, which carries nothing more.
	Disconnected(link int, d *protocol.ServerFrame)
	// News hands out who is in the channel or the room of s, or who came or left: presence, joined or left.
	News(s *Subscription, f *protocol.ServerFrame)
	// Other hands out frames that do not concern the machine: event, and errors without an id.
	Other(f *protocol.ServerFrame)
	// Stuck reports that continuity of s failed again at the same place, though it was subscribed again from there: the
	// path may drop what follows. A RetryLater comes with it. A program should try another transport.
	Stuck(s *Subscription)
	// RetryLater asks for a call of Retry after a while, longer each time: the server refused a subscription for the
	// moment, or continuity failed again at the same place.
	RetryLater()
	// AskLater asks for a call of Ask after a while, longer with each try: rules ended a subscription, and refused it
	// tries times since. A call that is due already is enough.
	AskLater(tries int)
}
