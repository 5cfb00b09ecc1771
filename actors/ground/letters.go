package ground

import "github.com/asynkron/protoactor-go/actor"

// Request is embedded in messages that ask for something: none should be sent to an actor that has ended.
type Request struct{}

// IgnoreDeadLetterLogging keeps protoactor from logging such a message, and from the goroutine that it starts for that.
func (Request) IgnoreDeadLetterLogging() {}

// Event is embedded in messages that report something. They may come after their actor's end by the nature of things.
type Event struct{ Request }

// MayBeLate marks the message as one that may come too late.
func (Event) MayBeLate() {}

// lost returns the message of a dead letter, or nil if the letter may come too late.
func lost(letter any) any {
	l, ok := letter.(*actor.DeadLetterEvent)
	if !ok {
		return nil
	}
	switch l.Message.(type) {
	case interface{ MayBeLate() }, actor.SystemMessage:
		return nil
	}
	return l.Message
}
