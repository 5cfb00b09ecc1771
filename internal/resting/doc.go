// Package resting reads requests of a few known forms from the bytes of a conn that rests between two requests, so that
// they need no goroutine and no buffers of net/http. It is strict: bytes that are not exactly of a known form are
// Foreign, and net/http reads them. Bytes that it takes mean the same to net/http, which FuzzReader proves.
//
//	resting.go  the forms, the Reader, and what it has found
//	head.go     the head of a request, line by line
//	names.go    the headers that a known request may have
package resting
