// Package quickcall makes system calls that never wait, on sockets and epoll sets that do not block, without telling
// Go's runtime of them.
//
// syscall.Read and syscall.Write prepare the runtime for a long wait. If all was quiet before, that wakes the runtime's
// monitor thread, which then looks at the process every 20 µs for some milliseconds, and takes a processor away for
// each look. A server that has something to do for a few milliseconds at a time pays a tenth of its processor time for
// that. The price here is that a long row of these calls hides its goroutine from the monitor: it should call
// runtime.Gosched now and then, and Monitor if it goes on for longer than 10 ms.
//
// Under the race detector, and on other systems than Linux, the calls are those of package syscall. The detector knows
// from them that what was written before a message happened before the message is read.
package quickcall
