// Package pakyow translates between pages of pakyow-realtime 0.11 and native frames.
//
//	language.go   handshakes, and what is pushed to pages
//	talk.go       one page's requests and their answers
//	request.go    what a page sends
package pakyow
